"""Who may be invited: certain duplicates are refused, likely ones held, and nobody is held without cause."""

from __future__ import annotations

import csv
import random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import messages, prospects
from imta_crm.policy.countries import find_country
from imta_crm.policy.prospect_file import read
from imta_crm.policy.prospects import (
	ALREADY,
	APPLICATION,
	BATCH,
	DO_NOT_INVITE,
	FORMER_MEMBER,
	HOLD,
	INVITATION,
	INVITE,
	LEAD,
	MEMBER,
	OPTED_OUT,
	RECENTLY_INVITED,
	REFUSE,
	SAME_CAMPAIGN,
	Known,
	Prospect,
	Register,
	domain_of,
	email_hash,
	fold_email,
	is_shared_domain,
	sort_out,
)


def one(name, country="NP", email="", local="", **more) -> Prospect:
	return Prospect("1", name, local, country_code=country, email=email, **more)


def known(name, country="NP", email="", local="", kind=MEMBER, **more) -> Known:
	return Known(
		kind,
		more.pop("key", "K-1"),
		(name, local) if local else (name,),
		country,
		(email,) if email else (),
		**more,
	)


def verdict(prospect, *register):
	return Register(register).check(prospect)


def members(data) -> list[Known]:
	text = (data / "roster.csv").read_text(encoding="utf-8-sig")
	return [
		known(
			row["Organisation (EN)"],
			find_country(row["Country/Region"]).code,
			row["Email"],
			row["Organisation (local)"],
			key=row["No."],
		)
		for row in csv.DictReader(text.splitlines())
	]


def test_the_file_of_prospects_beside_the_roster(data):
	file = read((data / "prospects.csv").read_bytes())
	assert (len(file.prospects), file.problems) == (44, [])
	result = sort_out(file.prospects, Register(members(data)))
	kinds = [found.kind for _, found in result]
	assert (kinds.count(INVITE), kinds.count(REFUSE), kinds.count(HOLD), len(kinds)) == (40, 3, 1, 44)
	told = {
		prospect.name: (found.code, found.known.label or found.known.names[0])
		for prospect, found in result
		if found.code
	}
	assert told == {
		"swiss alpine club": ("same_address_member", "Swiss Alpine Club"),
		"Nepal Tourism Board": ("same_address_member", "Nepal Tourism Board"),
		"Dansk Klatreforbund": ("same_address_batch", "Danish Climbing Federation (2)"),
		"Finnish Climbing Assoc.": ("like_name_batch", "Finnish Climbing Association (3)"),
	}


def test_the_same_file_again_brings_nobody(data):
	file = read((data / "prospects.csv").read_bytes())
	register = Register(members(data))
	for prospect, found in sort_out(file.prospects, register):
		if found.kind in (INVITE, HOLD):
			register.add(Known.from_prospect(prospect, SAME_CAMPAIGN, f"INV-{prospect.row}"))
	again = [register.check(prospect).kind for prospect in file.prospects]
	assert (again.count(ALREADY), again.count(REFUSE)) == (42, 2)


def test_no_member_of_the_roster_looks_like_another(data):
	register = Register()
	for member in members(data):
		prospect = one(member.names[0], member.country_code, member.emails[0], member.names[-1])
		assert register.check(prospect).kind == INVITE, member.names
		register.add(member)


# Certain


@pytest.mark.parametrize("kind", [MEMBER, APPLICATION, INVITATION, RECENTLY_INVITED, BATCH])
def test_the_same_address_or_name_is_refused(kind):
	there = known("Summit Society", "NP", "Office@Summit.example", kind=kind)
	by_address = verdict(one("Quite Another", "CN", " office@summit.EXAMPLE "), there)
	assert (by_address.kind, by_address.code, by_address.known) == (REFUSE, f"same_address_{kind}", there)
	by_name = verdict(one("SUMMIT  society", "NP", "x@y.example"), there)
	assert (by_name.kind, by_name.code) == (REFUSE, f"same_name_{kind}")
	assert verdict(one("Summit Society", "CN", "x@y.example"), there).kind == INVITE


def test_the_same_name_in_either_script():
	there = known("Dansk Klatreforbund", "DK")
	assert verdict(one("Danish Climbing Federation", "DK", local="Dansk Klatreforbund"), there).kind == REFUSE
	there = known("Danish Climbing Federation", "DK", local="Dansk Klatreforbund")
	assert verdict(one("Dansk Klatreforbund", "DK"), there).kind == REFUSE
	both = one("Danish Climbers", "DK", local="Dansk Klatreforbund")
	assert verdict(both, there).kind == HOLD


def test_in_this_campaign_already_comes_before_all_else():
	there = known("Summit Society", kind=SAME_CAMPAIGN)
	forbidden = known("Summit Society", kind=DO_NOT_INVITE)
	assert verdict(one("Summit Society"), forbidden, there).kind == ALREADY


def test_a_former_member_and_an_own_lead_are_whom_we_invite():
	for kind in (FORMER_MEMBER, LEAD):
		there = known("Summit Society", email="a@summit.example", kind=kind, key="L-1")
		found = verdict(one("Summit Society", email="a@summit.example"), there)
		assert (found.kind, found.code, found.known) == (INVITE, "", there)
	own = known("Summit Society of Pokhara", kind=LEAD, key="L-1")
	assert verdict(one("Summit Society", lead="L-1"), own).kind == INVITE
	assert verdict(one("Summit Society", lead="L-2"), own).kind == HOLD
	assert verdict(one("Summit Society"), known("Summit Soc.", kind=FORMER_MEMBER)).kind == INVITE


def test_a_former_member_who_has_applied_again_is_refused():
	former = known("Summit Society", kind=FORMER_MEMBER)
	assert verdict(one("Summit Society"), former, known("Summit Society", kind=APPLICATION)).kind == REFUSE


def test_do_not_invite_by_address_hash_domain_and_name():
	rule = lambda **more: Known(DO_NOT_INVITE, "R", **more)  # noqa: E731
	prospect = one("Summit Society", "NP", "Ana@mail.summit.example", "峰会")
	for there, code in (
		(rule(emails=("ana@MAIL.summit.example",)), "same_address_do_not_invite"),
		(rule(email_hashes=(email_hash("ana@mail.summit.example "),)), "same_address_do_not_invite"),
		(rule(domains=("Summit.Example",)), "same_domain_do_not_invite"),
		(rule(domains=("@summit.example",)), "same_domain_do_not_invite"),
		(rule(domains=("*.summit.example",)), "same_domain_do_not_invite"),
		(rule(names=("summit society",), country_code="NP"), "same_name_do_not_invite"),
		(rule(names=("summit society",)), "same_name_do_not_invite"),
		(rule(names=("峰会",)), "same_name_do_not_invite"),
	):
		found = verdict(prospect, there)
		assert (found.kind, found.code) == (REFUSE, code), there
		assert found.text() and found.text("zh") != found.text()
	for there in (
		rule(emails=("other@summit.example",)),
		rule(domains=("mmit.example",)),
		rule(names=("summit society",), country_code="CN"),
	):
		assert verdict(prospect, there).kind == INVITE, there
	# Whoever forbids gmail.com forbids it.
	assert verdict(one("X", email="x@gmail.com"), rule(domains=("gmail.com",))).kind == REFUSE


def test_the_person_to_write_to_may_be_on_the_list_by_name():
	rule = Known(DO_NOT_INVITE, "R", ("Ana Silva",), "PT")
	prospect = one("Clube", "PT", contact_first_name="Ana", contact_last_name="SILVA")
	assert verdict(prospect, rule).code == "like_name_do_not_invite"
	rule = Known(DO_NOT_INVITE, "R", ("王芳",))
	prospect = one("Summit", "CN", contact_first_name="芳", contact_last_name="王")
	assert verdict(prospect, rule).kind == HOLD
	assert verdict(one("Summit", "CN", contact_first_name="王明"), rule).kind == INVITE


def test_an_opted_out_address_counts_for_itself_alone():
	there = known("Summit Society", email="ana@summit.example", kind=OPTED_OUT)
	assert verdict(one("Other", email="ana@summit.example"), there).code == "same_address_opted_out"
	assert verdict(one("Summit Society", email="b@summit.example"), there).kind == INVITE


def test_addresses_are_folded():
	assert fold_email(" Ａna@Bücher.Example. ") == "ana@xn--bcher-kva.example"
	assert fold_email("mailto:a@b.example") == "a@b.example"
	assert fold_email("") == ""
	assert email_hash("A@b.example") == email_hash("a@B.example")


@pytest.mark.parametrize(
	"text, domain",
	[
		("a@Summit.example", "summit.example"), ("https://www.summit.example/a?b#c", "summit.example"),
		("www.summit.example", "summit.example"), ("summit.example:8080", "summit.example"), ("", ""), ("summit", ""),
		("http://user@summit.example/", "summit.example"),
	],
)  # fmt: skip
def test_domains(text, domain):
	assert domain_of(text) == domain


def test_shared_domains_tell_nothing():
	for domain in (
		"gmail.com",
		"qq.com",
		"163.com",
		"yahoo.co.jp",
		"outlook.fr",
		"hotmail.com",
		"x.wordpress.com",
	):
		assert is_shared_domain(domain), domain
	for domain in (
		"summit.example",
		"live-summit.example",
		"outlook-tours.example",
		"mailsummit.com",
		"live.summit.org",
	):
		assert not is_shared_domain(domain), domain


# Likely


@pytest.mark.parametrize(
	"kind", [MEMBER, APPLICATION, INVITATION, RECENTLY_INVITED, BATCH, LEAD, SAME_CAMPAIGN]
)
def test_the_same_own_domain_in_the_same_country_is_for_a_person(kind):
	there = known("Summit Society", "NP", "a@summit.example", kind=kind)
	found = verdict(one("Quite Another", "NP", "b@summit.example"), there)
	assert (found.kind, found.code, found.detail) == (HOLD, f"like_domain_{kind}", "summit.example")
	assert verdict(one("Quite Another", "NP", website="https://www.summit.example/"), there).kind == HOLD
	assert verdict(one("Quite Another", "CN", "b@summit.example"), there).kind == INVITE
	shared = known("Summit Society", "NP", "a@gmail.com", kind=kind)
	assert verdict(one("Quite Another", "NP", "b@gmail.com"), shared).kind == INVITE


ALIKE = [
	("FI", "Finnish Climbing Assoc.", "Finnish Climbing Association"),
	("FI", "Finnish Climbing Asociation", "Finnish Climbing Association"),
	("FI", "Finnish Climbing Federation", "The Finnish Climbing Union"),
	("CH", "Swiss Alpine Club", "SAC"),
	("CH", "Schweizer Alpen-Club", "Schweizer Alpen-Club SAC"),
	("CH", "Bartholet", "Bartholet Maschinenbau AG"),
	("FR", "Poma", "Poma S.A.S."),
	("NP", "Nepal Mountaineering Assn", "Nepalese Mountaineering Association"),
	("NP", "Mountaineering Association of Nepal", "Nepal Mountaineering Association"),
	("NP", "Kathmandu Trekking Agency", "Katmandu Trekking Agency"),
	("AT", "Österreichischer Alpenverein", "Osterreichischer Alpenverein"),
	("AT", "Österreichischer Alpenverein", "Oesterreichischer Alpenverein"),
	("HU", "Hungarian Mountaineering Federation", "Hungarian Mountaineering and Sport Climbing Federation"),
	("NL", "Dutch Climbing and Mountaineering Association", "Royal Dutch Climbing and Mountaineering Association"),
	("BO", "Asociación de Guías de Montaña de Bolivia", "Asociacion Guias Montana Bolivia"),
	("RW", "Rwanda Development Board Tourism", "Rwanda Development Board"),
	("CN", "I.M.T.A.", "International Mountain Tourism Alliance"),
	("CN", "Wuyishan Tourism Devt Co., Ltd", "Wuyishan Tourism Development"),
	("CN", "Zhang Wei", "Wei Zhang"),
	("CN", "福建武夷山旅游发展股份有限公司", "武夷山旅游发展"),
	("CN", "西藏登山协会", "中国西藏登山协会"),
	("CN", "九寨沟管理局", "九寨沟景区管理局"),
	("JP", "北海道観光振興機構", "公益社団法人北海道観光振興機構"),
	("KR", "제주올레", "제주올레 재단"),
]  # fmt: skip
UNLIKE = [
	("NP", "Nepal Tourism Board", "Nepal Mountaineering Association"),
	("NP", "Nepal Tourism Board", "Trekking Agencies' Association of Nepal"),
	("AU", "Tourism Tasmania", "Tourism Australia"),
	("CN", "Xizang Mountaineering Association", "Chinese Mountaineering Association"),
	("CN", "Hunan Tourism Board", "Henan Tourism Board"),
	("CN", "Mountain Club 101", "Mountain Club 102"),
	("CN", "Zhang Wei", "Zhang Min"),
	("CN", "四川省登山户外运动协会", "贵州省登山户外运动协会"),
	("CN", "西藏登山协会", "中国登山协会"),
	("CN", "中国登山协会", "中国滑雪协会"),
	("CN", "云南大学", "云南师范大学"),
	("CN", "黄山旅游发展股份有限公司", "华山旅游发展股份有限公司"),
	("CN", "黄山旅游发展", "黄山学院"),
	("AT", "Österreichischer Alpenverein", "Österreichischer Touristenklub"),
	("IT", "Dolomiti Superski", "Dolomiti UNESCO"),
	("IT", "South Tyrol Tourism", "North Tyrol Tourism"),
]


@pytest.mark.parametrize("country, left, right", ALIKE)
def test_names_alike_are_for_a_person(country, left, right):
	for this, that in ((left, right), (right, left)):
		found = verdict(one(this, country), known(that, country))
		assert (found.kind, found.code) == (HOLD, "like_name_member"), (this, that)
		assert verdict(one(this, "PE"), known(that, country)).kind == INVITE


@pytest.mark.parametrize("country, left, right", UNLIKE)
def test_different_names_are_let_through(country, left, right):
	for this, that in ((left, right), (right, left)):
		assert verdict(one(this, country), known(that, country)).kind == INVITE, (this, that)


def test_without_a_country_the_same_name_is_for_a_person():
	assert verdict(one("Summit Society", ""), known("Summit Society", "NP")).kind == HOLD
	assert verdict(one("Summit Society", "NP"), known("Summit Society", "", kind=LEAD)).kind == HOLD
	assert verdict(one("Summit Society", ""), known("Other Society", "")).kind == INVITE


def test_what_refuses_comes_before_what_holds_and_the_weightier_first():
	like = known("Summit Soc", key="like")
	same = known("Other", "CN", "a@summit.example", kind=BATCH, key="same")
	assert verdict(one("Summit Society", email="a@summit.example"), like, same).known is same
	former = known("Other", "CN", "a@summit.example", kind=FORMER_MEMBER, key="former")
	assert verdict(one("Summit Society", email="a@summit.example"), like, former).kind == HOLD


def test_a_prospect_that_says_nothing_meets_nobody():
	assert verdict(one("", ""), known("", ""), known("Summit", "")).kind == INVITE
	assert verdict(one("!!!", "NP"), known("???", "NP")).kind == INVITE


def test_every_reason_has_a_sentence_in_both_languages():
	hows = ("same_address", "same_name", "like_name", "like_domain")
	for kind in prospects.KINDS:
		for how in hows:
			if kind == OPTED_OUT and how != "same_address":
				continue
			if kind == DO_NOT_INVITE and how == "like_domain":
				continue
			if kind in (LEAD, FORMER_MEMBER) and how.startswith("same_"):
				continue
			assert f"{how}_{kind}" in messages.TEXTS
			assert prospects.reason_text(f"{how}_{kind}").format("a", "b", "c")
	assert "same_domain_do_not_invite" in messages.TEXTS


texts = st.text(st.sampled_from("abc ABC.-&'é山登协会 (Ltd)12"), max_size=30)


@given(
	st.lists(
		st.tuples(texts, texts, st.sampled_from(["CN", "CH", ""]), st.sampled_from(prospects.KINDS)),
		max_size=8,
	),
	texts,
	texts,
)
def test_whatever_is_written_it_decides_and_the_same_name_is_never_let_through(there, name, local):
	register = Register(
		known(a, country, "", b, kind, key=str(n)) for n, (a, b, country, kind) in enumerate(there)
	)
	for country in ("CN", "CH", "", "XX"):
		found = register.check(one(name, country, local=local))
		assert found.kind in (INVITE, HOLD, REFUSE, ALREADY)
		assert found.kind == INVITE or (found.text() and found.text("zh"))
	if prospects.fold(name):
		register.add(known(name, "CN", local=local, key="self"))
		assert register.check(one(name, "CN", local=local)).kind in (REFUSE, ALREADY)


# Speed


WORDS = "alpine mountain tourism club national park ski guide hiking development bureau culture trail peak".split()


def crowd(number: int, countries, seed: int):
	pick = random.Random(seed)
	syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
	own = ["".join(pick.choice(syllables) for _ in range(3)) for _ in range(3000)]
	for n in range(number):
		words = (
			pick.choice(own),
			pick.choice(WORDS),
			pick.choice(WORDS),
			pick.choice(["Association", "Ltd", "Board"]),
		)
		yield f"{seed}-{n}", " ".join(words).title(), pick.choice(countries)


@pytest.mark.parametrize("countries", [["CN"], ["CN", "FR", "IT", "US", "NP", "DE", "CH", "JP"]])
def test_ten_thousand_beside_ten_thousand_take_seconds(countries):
	there = [
		known(name, country, f"a{key}@o{key}.example", key=key)
		for key, name, country in crowd(10_000, countries, 1)
	]
	new = [one(name, country, f"b{key}@n{key}.example") for key, name, country in crowd(10_000, countries, 2)]
	begun = perf_counter()
	assert len(sort_out(new, Register(there))) == 10_000
	assert perf_counter() - begun < 40


def test_thousands_that_differ_in_a_number_or_share_all_but_it():
	there = [known(f"Mountain Club {n}", "CN", f"a{n}@same.example", key=str(n)) for n in range(3_000)]
	new = [one(f"Mountain Club {n + 1500}", "CN", f"b{n}@gmail.com", f"登山协会{n}") for n in range(3_000)]
	begun = perf_counter()
	kinds = [found.kind for _, found in sort_out(new, Register(there))]
	assert perf_counter() - begun < 20
	assert kinds[:1500] == [REFUSE] * 1500


def test_thousands_at_one_domain():
	there = [known(f"Chair {n}", "CN", f"a{n}@ministry.example", key=str(n)) for n in range(3_000)]
	new = [one(f"Desk {n}", "CN", f"b{n}@ministry.example") for n in range(3_000)]
	begun = perf_counter()
	assert {found.kind for _, found in sort_out(new, Register(there))} == {HOLD}
	assert perf_counter() - begun < 20


def test_an_equal_name_is_found_however_many_share_its_words():
	there = [known(f"云南登山{n}协会", "CN", key=str(n)) for n in range(200)]
	assert verdict(one("云南登山协会", "CN"), *there, known("中国云南登山协会", "CN")).kind == HOLD
	there = [known(f"Yunnan Guides {n}", "CN", key=str(n)) for n in range(200)]
	assert (
		verdict(one("Yunnan Guides' Assoc.", "CN"), *there, known("The Yunnan Guide Association", "CN")).kind
		== HOLD
	)
