"""Whether a prospect may be invited: compared with everybody whom the alliance knows already.

Certain: the same address, or the same name in the same country. Likely: a name alike, or the same own
domain, in the same country; then a person decides.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from imta_crm.policy import messages
from imta_crm.policy.countries import by_code
from imta_crm.policy.names import fold

INVITE, HOLD, REFUSE, ALREADY = "invite", "hold", "refuse", "already"

MEMBER = "member"
FORMER_MEMBER = "former_member"
APPLICATION = "application"
LEAD = "lead"
INVITATION = "invitation"  # alive, of another campaign
SAME_CAMPAIGN = "same_campaign"
BATCH = "batch"
DO_NOT_INVITE = "do_not_invite"
OPTED_OUT = "opted_out"
RECENTLY_INVITED = "recently_invited"
KINDS = (
	SAME_CAMPAIGN, DO_NOT_INVITE, OPTED_OUT, MEMBER, APPLICATION, INVITATION, RECENTLY_INVITED, BATCH, LEAD,
	FORMER_MEMBER,
)  # fmt: skip


@dataclass(frozen=True)
class Prospect:
	"""Somebody who might be invited. `key` is unique in its source; `row` is the spreadsheet's.

	`lead`, `member` and `contact` are the documents that it comes from, if any.
	"""

	key: str
	name: str
	name_local: str = ""
	country: str = ""
	country_code: str = ""
	email: str = ""
	website: str = ""
	phone: str = ""
	language: str = ""
	sector: str = ""
	tier: str = ""
	invitee_type: str = "Organisation"
	contact_first_name: str = ""
	contact_last_name: str = ""
	contact_position: str = ""
	time_zone: str = ""
	officer: str = ""
	lead: str = ""
	member: str = ""
	contact: str = ""
	row: int = 0


@dataclass(frozen=True)
class Known:
	"""Somebody with whom prospects are compared.

	`key` is the document's name, `names` begins with the main name. `emails` as written; `email_hashes` by
	`email_hash`. `label` and `detail` are for people. A do-not-invite rule's `domains` forbid everybody there;
	without a country its names count everywhere.
	"""

	kind: str
	key: str
	names: tuple[str, ...] = ()
	country_code: str = ""
	emails: tuple[str, ...] = ()
	domains: tuple[str, ...] = ()
	label: str = ""
	detail: str = ""
	email_hashes: tuple[str, ...] = ()

	@classmethod
	def from_prospect(cls, prospect: Prospect, kind: str = BATCH, key: str = "", label: str = "") -> Known:
		"""The prospect as one who is known from now on."""
		return cls(
			kind,
			key or prospect.key,
			tuple(name for name in (prospect.name, prospect.name_local) if name),
			prospect.country_code,
			(prospect.email,) if prospect.email else (),
			(prospect.website,) if prospect.website else (),
			label or prospect.name,
		)


@dataclass(frozen=True)
class Verdict:
	"""`code` is a key of `messages.TEXTS`; its values are `values`. `detail` is what agreed."""

	kind: str
	code: str = ""
	known: Known | None = None
	detail: str = ""
	values: tuple[str, ...] = ()

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, self.values, lang) if self.code else ""


def reason_text(code: str) -> str:
	"""The English sentence with its places, for `_()`."""
	return messages.template(code)


# Addresses


@lru_cache(maxsize=65536)
def fold_email(address: str) -> str:
	"""For comparing: without case, white space and invisible marks; the domain in ASCII."""
	folded = fold(address or "").replace(" ", "").removeprefix("mailto:")
	local, at, domain = folded.rpartition("@")
	if at and not domain.isascii():
		try:
			domain = domain.encode("idna").decode("ascii")
		except UnicodeError:
			pass
	return f"{local}{at}{domain.rstrip('.')}"


def email_hash(address: str) -> str:
	"""SHA-256 of the folded address, by which a rule outlives the erasure of the address itself."""
	return hashlib.sha256(fold_email(address).encode()).hexdigest()


_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")


@lru_cache(maxsize=65536)
def domain_of(text: str) -> str:
	"""The folded domain of an address or a web address, without www.; empty where there is none."""
	folded = _SCHEME.sub("", fold(text or "").replace(" ", ""))
	if "@" in folded:
		folded = fold_email(folded).rpartition("@")[2]
	host = re.split(r"[/?#:]", folded, maxsplit=1)[0].rstrip(".").removeprefix("www.")
	return host if "." in host else ""


def is_shared_domain(domain: str) -> bool:
	"""Whether strangers have addresses or pages there too, so that it says nothing about who they are."""
	labels = domain.split(".")
	by_country = len(labels) == 2 or (len(labels) == 3 and labels[1] in ("co", "com"))
	return (
		domain in _SHARED
		or (by_country and labels[0] in _SHARED_FIRST)
		or any(".".join(labels[index:]) in _SHARED_HOSTS for index in range(1, len(labels)))
	)


_SHARED_FIRST = frozenset("gmail googlemail yahoo ymail hotmail outlook live msn gmx rediffmail".split())
_SHARED = frozenset(
	"""qq.com vip.qq.com foxmail.com 163.com vip.163.com 126.com yeah.net 139.com 189.cn wo.cn sina.com sina.cn
	vip.sina.com sohu.com aliyun.com 21cn.com tom.com 188.com 263.net icloud.com me.com mac.com aol.com
	proton.me protonmail.com pm.me zoho.com mail.com email.com fastmail.com hey.com tutanota.com tuta.io
	web.de t-online.de freenet.de posteo.de mailbox.org arcor.de aon.at chello.at bluewin.ch hispeed.ch
	sunrise.ch orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tin.it alice.it tiscali.it
	telefonica.net terra.es sapo.pt skynet.be telenet.be ziggo.nl kpnmail.nl planet.nl xs4all.nl btinternet.com
	virginmedia.com sky.com ntlworld.com eircom.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net
	cox.net charter.net earthlink.net rogers.com shaw.ca sympatico.ca bigpond.com bigpond.net.au optusnet.com.au
	xtra.co.nz mail.ru bk.ru inbox.ru list.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua meta.ua abv.bg
	seznam.cz centrum.cz email.cz post.cz azet.sk wp.pl o2.pl onet.pl interia.pl op.pl tlen.pl freemail.hu
	citromail.hu naver.com daum.net hanmail.net kakao.com nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
	nifty.com biglobe.ne.jp mail.com.np wlink.com.np ntc.net.np uol.com.br bol.com.br terra.com.br ig.com.br
	walla.co.il walla.com mynet.com hinet.net seed.net.tw pchome.com.tw netvigator.com singnet.com.sg
	wechat.com weixin.qq.com facebook.com instagram.com linkedin.com twitter.com x.com youtube.com weibo.com
	medium.com linktr.ee sites.google.com""".split()
)
# Each customer of these has a name below.
_SHARED_HOSTS = frozenset(
	"""facebook.com wordpress.com blogspot.com wixsite.com weebly.com github.io sites.google.com webnode.com
	jimdofree.com jimdosite.com squarespace.com tumblr.com business.site""".split()
)


# Names alike

# Abbreviations and spellings of one word. What organisations call themselves is often translated now so, now
# so: Federation, Association and Union of climbers are the same three words in another language.
_BODY = "association"
_SAME_WORD = {
	**dict.fromkeys(
		"""assoc assocn assn assc ass association associations asociacion associacao associazione asociatia
		federation fed feder federacion federacao federazione federacja federace verband bund union society soc
		societe league confederation alliance organisation organization org orgn""".split(),
		_BODY,
	),
	"intl": "international", "int": "international", "internat": "international", "natl": "national",
	"nat": "national", "univ": "university", "uni": "university", "inst": "institute", "institut": "institute",
	"acad": "academy", "dept": "department", "dep": "department", "govt": "government", "gov": "government",
	"min": "ministry", "comm": "committee", "cttee": "committee", "ctr": "centre", "center": "centre",
	"cent": "centre", "mtn": "mountain", "mt": "mountain", "mount": "mountain", "mts": "mountain",
	"mtneering": "mountaineering", "mountaineer": "mountaineering", "tour": "tourism", "touristic": "tourism",
	"tourist": "tourism", "dev": "development", "devt": "development", "devel": "development", "mgmt": "management",
	"mgt": "management", "admin": "administration", "prov": "provincial", "province": "provincial",
	"reg": "regional", "region": "regional", "fdn": "foundation", "found": "foundation", "adm": "administration",
	"coop": "cooperative", "grp": "group", "corp": "corporation", "tech": "technology", "res": "research",
	"climber": "climbing", "hiker": "hiking", "skier": "ski", "skiing": "ski", "st": "saint", "sainte": "saint",
}  # fmt: skip
# Words without which a name is the same: articles, prepositions, legal forms.
_EMPTY_WORDS = frozenset(
	"""the a an of and for in at on de la le les l d du des del della delle dei degli da do dos das di el los las
	y e et und der die das den dem fur fuer von zu zum zur im i of og och en van het voor te s
	inc incorporated ltd limited llc llp plc gmbh mbh ag kg ohg eg ev sa sas sarl srl spa bv nv oy oyj ab as asa
	aps kft doo dd ad pty pte sdn bhd co company kk pvt private zoo jsc ojsc pjsc ooo zao cic""".split()
)
# Words that many have, so that one of them alone says nothing about who it is.
_COMMON_WORDS = frozenset(
	"""association club board national international mountain mountaineering alpine tourism climbing sport
	sports hiking ski trekking travel outdoor adventure guide guides tourism office authority agency council
	committee commission centre institute university school academy college department ministry government
	development management administration corporation group foundation trust network service services park
	nature natural heritage culture cultural world global regional provincial city county district
	royal general public environment conservation destination scenic area resort hotel hotels research
	science sciences technology business economic trade industry cooperative company enterprise museum
	festival forum conference region europe european asia asian africa african america american pacific north
	south east west northern southern eastern western central new""".split()
)
# People and languages whose word does not begin as the country's name does.
_OF_COUNTRY = {
	"CH": "swiss suisse svizzera schweiz schweizer schweizerische helvetic", "NL": "dutch nederlandse holland",
	"DK": "danish dansk danske", "DE": "german deutsch deutsche deutscher deutsches", "GR": "greek hellenic",
	"GB": "british english scottish welsh uk", "FR": "french francais francaise", "ES": "spanish espanola",
	"PL": "polish polski", "PH": "philippine filipino", "TH": "thai", "TR": "turkish turk", "US": "american us usa",
	"CN": "chinese prc zhongguo", "KR": "korean korea", "KP": "korean korea", "CZ": "czech", "IE": "irish",
	"IS": "icelandic islenski", "LA": "lao laotian", "MM": "myanmar burmese burma", "NZ": "nz zealand",
	"SE": "swedish svenska", "NO": "norwegian norsk norske norges", "FI": "finnish suomen finlands",
	"HR": "croatian hrvatski", "HU": "hungarian magyar", "AT": "austrian osterreichischer oesterreichischer",
	"IT": "italian italiano italiana", "PT": "portuguese", "BE": "belgian", "RU": "russian rossii", "UA": "ukrainian",
	"JP": "japanese nippon nihon", "VN": "vietnamese vietnam", "MK": "macedonian", "AE": "emirates uae",
	"GE": "georgian", "AR": "argentine", "PE": "peruvian", "ME": "montenegrin",
}  # fmt: skip
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]")
_WORD = re.compile(r"[^\W_]+")
_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# Chinese and Japanese: what many names have, longest first.
_COMMON_CJK = re.compile(
	"|".join(
		sorted(
			"""股份有限公司 有限责任公司 有限公司 集团公司 集团 公司 总公司 株式会社 财团法人 社团法人 一般社团法人
			中华人民共和国 中华 中国 全国 国家 国际 世界 登山户外运动 登山 户外 运动 协会 联合会 联盟 总会 学会 商会
			俱乐部 促进会 基金会 委员会 管理委员会 管委会 管理局 管理处 管理 旅游局 旅游 观光 文化和旅游 文化 体育
			发展 开发 投资 控股 景区 风景名胜区 风景区 名胜 国家公园 公园 自然保护区 保护区 世界遗产 遗产 研究院
			研究所 研究中心 中心 大学 学院 学校 省 市 县 区 自治区 自治州 州 厅 局 部 会 联合 山岳 攀岩 滑雪 徒步
			探险 旅行社 旅行 度假区 度假村 度假 酒店 服务 机构 協会 連盟 観光""".split(),
			key=len,
			reverse=True,
		)
	)
)


@dataclass(frozen=True)
class _Name:
	"""One name taken apart. `words`: without the empty ones and the country's. `core`: for Chinese names."""

	folded: str
	words: frozenset[str]
	initials: frozenset[str]
	acronym: str
	bare: str = ""
	core: str = ""

	def keys(self) -> frozenset[str]:
		"""By what it is looked up."""
		if self.bare:
			text = self.core or self.bare
			return frozenset(text[i : i + 2] for i in range(max(1, len(text) - 1)))
		return self.words


@lru_cache(maxsize=512)
def _country_words(country_code: str) -> tuple[frozenset[str], frozenset[str]]:
	"""Words for the country and its people, and the beginnings of words made from its name."""
	country = by_code().get(country_code)
	if not country:
		return frozenset(), frozenset()
	words = set(_plain(country.name).split()) - _EMPTY_WORDS - _COMMON_WORDS
	words = {word for word in words if len(word) > 2} | set(_OF_COUNTRY.get(country_code, "").split())
	words.discard("republic")
	# Nepalese, Italian, Bolivian: from the name, without its last letters.
	stems = {word[: max(4, len(word) - 2)] for word in words if len(word) >= 5}
	return frozenset(words), frozenset(stems)


@lru_cache(maxsize=65536)
def _plain(name: str) -> str:
	"""Folded, dots of abbreviations closed up, accents off; words apart."""
	text = _DOTTED.sub(lambda found: found[0].replace(".", ""), fold(name)).replace("&", " and ")
	if not text.isascii():
		text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
		text = "".join(char for char in text if not unicodedata.combining(char))
		text = unicodedata.normalize("NFC", text)
	return " ".join(_WORD.findall(text.replace("'", "").replace("’", "")))


def _word(word: str) -> str:
	if word in _SAME_WORD:
		return _SAME_WORD[word]
	if len(word) > 4 and word.endswith("s") and not word.endswith("ss"):
		word = word[:-1]
		return _SAME_WORD.get(word, word)
	return word


@lru_cache(maxsize=65536)
def _take_apart(name: str, country_code: str) -> _Name:
	folded = fold(name)
	plain = _plain(name)
	if len(_CJK.findall(plain)) * 2 > len(plain.replace(" ", "")):
		bare = re.sub(r"^中国|^中华", "", plain.replace(" ", "")) or plain.replace(" ", "")
		bare = re.sub("股份有限公司|有限责任公司|有限公司|集团公司|集团|公司|株式会社", "", bare) or bare
		return _Name(folded, frozenset(), frozenset(), "", bare, _COMMON_CJK.sub("", bare))
	spoken = plain.split()
	full = [word for word in spoken if word not in _EMPTY_WORDS] or spoken
	of_country, stems = _country_words(country_code)
	telling = [
		word for word in full if word not in of_country and not any(word.startswith(stem) for stem in stems)
	]
	# A name of the country's words alone keeps them.
	if not telling or (all(_word(word) in _COMMON_WORDS for word in telling) and len(telling) < 2):
		telling = full
	initials = {"".join(word[0] for word in words) for words in (spoken, full) if len(words) >= 3}
	acronym = spoken[0] if len(spoken) == 1 and 3 <= len(spoken[0]) <= 8 else ""
	# "Schweizer Alpen-Club SAC": a word that only repeats the others' first letters.
	for word in (spoken[-1], spoken[0]) if len(spoken) > 3 else ():
		others = [one for one in spoken if one != word]
		shorter = [one for one in full if one != word]
		if 3 <= len(word) <= 8 and word in ("".join(o[0] for o in others), "".join(o[0] for o in shorter)):
			initials |= {word}
			telling = [one for one in telling if one != word] or telling
	return _Name(folded, frozenset(map(_word, telling)), frozenset(initials), acronym)


def _same_word(one: str, other: str) -> bool:
	"""A slip of one letter in a long word, or an abbreviation of it."""
	if len(one) > len(other):
		one, other = other, one
	if other in _COMMON_WORDS and one in _COMMON_WORDS:
		return False
	if len(one) >= 4 and other.startswith(one) and len(other) - len(one) >= 3 and other in _COMMON_WORDS:
		return True
	if len(one) < 6 or len(other) - len(one) > 1 or one.isdigit() or any(map(str.isdigit, one + other)):
		return False
	start = 0
	while start < len(one) and one[start] == other[start]:
		start += 1
	if len(one) == len(other):
		rest, swapped = one[start + 1 :], one[start : start + 2][::-1] + one[start + 2 :]
		return rest == other[start + 1 :] or swapped == other[start:]
	return one[start:] == other[start + 1 :]


def _alike(one: _Name, other: _Name) -> bool:
	"""Whether two different names of one country might be the same party."""
	if one.bare or other.bare:
		return bool(one.bare and other.bare) and _alike_cjk(one, other)
	if one.acronym in other.initials or other.acronym in one.initials:
		return True
	if not one.words or not other.words:
		return False
	fewer, more = sorted((one.words, other.words), key=len)
	missing = fewer - more
	shared = len(fewer) - len(missing)
	if missing:
		if len(missing) > 1:
			return False
		(word,) = missing
		if not any(_same_word(word, candidate) for candidate in more - fewer):
			return False
		shared += 1
	if len(fewer) == len(more):
		return True
	if len(fewer) == 1:
		(word,) = fewer
		return word not in _COMMON_WORDS and len(word) >= 3 and len(more) <= 4
	# The association of a province is not that of the country.
	if fewer <= _COMMON_WORDS and not more <= _COMMON_WORDS:
		return False
	return shared * 2 >= len(more)


def _alike_cjk(one: _Name, other: _Name) -> bool:
	if one.bare == other.bare:
		return True
	if one.core and other.core:
		short, long = sorted((one.core, other.core), key=len)
		if short == long and len(short) >= 2:
			return _overlap(one.bare, other.bare) >= 0.4
		return len(short) >= 2 and short in long and _overlap(one.bare, other.bare) >= 0.6
	short, long = sorted((one.bare, other.bare), key=len)
	return not one.core and not other.core and len(short) >= 4 and _overlap(short, long) >= 0.8


def _overlap(one: str, other: str) -> float:
	"""Pairs of characters in common, by those of both: 1 for the same text, 0 for nothing in common."""
	pairs = {one[i : i + 2] for i in range(len(one) - 1)}
	others = {other[i : i + 2] for i in range(len(other) - 1)}
	whole = len(pairs) + len(others)
	return 2 * len(pairs & others) / whole if whole else 0.0


# Comparing

# What matters first. Likely ones of the kinds that do not refuse are no reason to wait for a person.
_ORDER = {kind: rank for rank, kind in enumerate(KINDS)}
_REFUSES = frozenset({DO_NOT_INVITE, OPTED_OUT, MEMBER, APPLICATION, INVITATION, RECENTLY_INVITED, BATCH})
_HOLDS = (_REFUSES - {OPTED_OUT}) | {LEAD, SAME_CAMPAIGN}
# More than so many names with a word in common: the word tells nobody apart.
_COMMON_FROM = 40


class Register:
	"""Everybody known, ready for quick comparison. One prospect costs about as much however many are known."""

	def __init__(self, known: Iterable[Known] = ()):
		self._emails: dict[str, list[Known]] = {}
		self._hashes: dict[str, list[Known]] = {}
		self._domains: dict[tuple[str, str], list[Known]] = {}
		self._forbidden: dict[str, Known] = {}
		# (folded name, country or "*") -> known, whether it is the main name
		self._names: dict[tuple[str, str], list[tuple[Known, bool]]] = {}
		self._words: dict[tuple[str, str], list[tuple[Known, _Name]]] = {}
		self._nearly: dict[tuple[str, frozenset[str]], list[tuple[Known, _Name]]] = {}
		self._equal: dict[tuple[str, frozenset[str] | str], list[tuple[Known, _Name]]] = {}
		self._acronyms: dict[tuple[str, str], list[tuple[Known, _Name]]] = {}
		for one in known:
			self.add(one)

	def add(self, known: Known) -> None:
		"""Takes one more, such as what the same batch has just taken."""
		for email in {fold_email(email) for email in known.emails} - {""}:
			self._emails.setdefault(email, []).append(known)
		for hashed in known.email_hashes:
			self._hashes.setdefault(hashed.lower(), []).append(known)
		code = (known.country_code or "").upper()
		domains = {domain_of(domain.removeprefix("*.")) for domain in known.domains}
		if known.kind == DO_NOT_INVITE:
			self._forbidden.update(dict.fromkeys(domains - {""}, known))
		else:
			domains |= {domain_of(email) for email in known.emails}
			for domain in domains:
				if domain and not is_shared_domain(domain):
					self._domains.setdefault((code, domain), []).append(known)
		if known.kind != OPTED_OUT:
			self._add_names(known, code)

	def _add_names(self, known: Known, code: str) -> None:
		seen = set()
		for index, text in enumerate(known.names):
			folded = fold(text or "")
			if not folded or folded in seen:
				continue
			seen.add(folded)
			for country in {code, "*"}:
				self._names.setdefault((folded, country), []).append((known, index == 0))
			name = _take_apart(text, code)
			if name.bare or name.words:
				self._equal.setdefault((code, name.bare or name.words), []).append((known, name))
			for key in name.keys():
				self._words.setdefault((code, key), []).append((known, name))
			for key in _nearly(name):
				self._nearly.setdefault((code, key), []).append((known, name))
			for key in name.initials | ({name.acronym} - {""}):
				self._acronyms.setdefault((code, key), []).append((known, name))

	def check(self, prospect: Prospect) -> Verdict:
		"""What is to become of the prospect.

		`already`: in this campaign. `refuse`: certainly one who is not to be invited. `hold`: likely so, a
		person decides. `invite`: where `known` is set, that is the Lead or the former member it is, or
		(`code` likely_former_member) may be; neither is an obstacle.
		"""
		certain = sorted(self._certain(prospect), key=lambda match: _ORDER[match[1].kind])
		for how, known, detail in certain:
			if known.kind == SAME_CAMPAIGN:
				return _verdict(ALREADY, how, known, detail)
			if known.kind in _REFUSES:
				return _verdict(REFUSE, how, known, detail)
		own = next((known for _, known, _ in certain), None)
		likely = self._likely(prospect, {id(known) for _, known, _ in certain})
		likely = sorted(likely, key=lambda match: _ORDER[match[1].kind])
		for how, known, detail in likely:
			if known.kind in _HOLDS and not self._own(prospect, known):
				return _verdict(HOLD, how, known, detail)
		if own is not None:
			return Verdict(INVITE, "", own)
		for how, known, detail in likely:
			return _verdict(INVITE, how, known, detail)
		return Verdict(INVITE)

	@staticmethod
	def _own(prospect: Prospect, known: Known) -> bool:
		"""Whether the prospect was taken from that very document."""
		return (known.kind == LEAD and known.key == prospect.lead != "") or (
			known.kind == FORMER_MEMBER and known.key == prospect.member != ""
		)

	def _certain(self, prospect: Prospect) -> Iterator[tuple[str, Known, str]]:
		email = fold_email(prospect.email)
		if email:
			for known in self._emails.get(email, ()):
				yield "same_address", known, email
			for known in self._hashes.get(email_hash(email), ()) if self._hashes else ():
				yield "same_address", known, email
			parts = email.rpartition("@")[2].split(".")
			for domain in (".".join(parts[index:]) for index in range(len(parts))):
				if domain in self._forbidden:
					yield "same_domain", self._forbidden[domain], domain
		code = (prospect.country_code or "").upper()
		main, local = fold(prospect.name or ""), fold(prospect.name_local or "")
		for text, other in ((main, local), (local, main)):
			if not text:
				continue
			for known, is_main in self._names.get((text, code), ()):
				if code and self._is_same(text is main, is_main, other, known):
					yield "same_name", known, text
			# A rule without a country holds everywhere.
			for known, _ in self._names.get((text, ""), ()):
				if known.kind == DO_NOT_INVITE:
					yield "same_name", known, text

	@staticmethod
	def _is_same(by_main: bool, is_main: bool, other: str, known: Known) -> bool:
		"""The main name of one is a name of the other.

		Names in the local language alone agree at branches and departments too; where the main names differ
		that is likely and not certain.
		"""
		return by_main or is_main or not other or len({fold(name) for name in known.names if name}) == 1

	def _likely(self, prospect: Prospect, certain: set[int]) -> Iterator[tuple[str, Known, str]]:
		code = (prospect.country_code or "").upper()
		found = set(certain)
		main, local = fold(prospect.name or ""), fold(prospect.name_local or "")
		for text in dict.fromkeys((main, local)):
			# Without a country on either side it may be somebody else's name.
			for known, _ in self._names.get((text, "*"), ()) if text else ():
				where = (known.country_code or "").upper()
				if id(known) not in found and (where == code or not where or not code):
					found.add(id(known))
					yield "like_name", known, known.names[0]
		if not code:
			return
		# The person to write to may be forbidden by name, whatever the organisation.
		first, last = prospect.contact_first_name, prospect.contact_last_name
		for text in {fold(f"{first} {last}"), fold(f"{last} {first}"), fold(f"{last}{first}")} - {""}:
			for known, _ in (*self._names.get((text, code), ()), *self._names.get((text, ""), ())):
				if known.kind == DO_NOT_INVITE and id(known) not in found:
					found.add(id(known))
					yield "like_name", known, known.names[0]
		for domain in {domain_of(prospect.email), domain_of(prospect.website)} - {""}:
			for known in self._domains.get((code, domain), ())[:_COMMON_FROM]:
				if id(known) not in found:
					found.add(id(known))
					yield "like_domain", known, domain
		for text in dict.fromkeys((prospect.name, prospect.name_local)):
			if not text or not fold(text):
				continue
			name = _take_apart(text, code)
			for known, other in self._candidates(name, code):
				if id(known) not in found and _alike(name, other):
					found.add(id(known))
					yield "like_name", known, known.names[0]

	def _candidates(self, name: _Name, code: str) -> Iterator[tuple[Known, _Name]]:
		"""Those with whom the name is worth comparing: a rare word in common, or all words but one."""
		yield from self._equal.get((code, name.bare or name.words), ())[:_COMMON_FROM]
		for index, keys in ((self._words, name.keys()), (self._nearly, _nearly(name))):
			for key in keys:
				same = index.get((code, key), ())
				if len(same) <= _COMMON_FROM:
					yield from same
		for key in name.initials | ({name.acronym} - {""}):
			yield from self._acronyms.get((code, key), ())[:_COMMON_FROM]


def sort_out(prospects: Iterable[Prospect], register: Register) -> list[tuple[Prospect, Verdict]]:
	"""The verdict on each; every one that is taken or held counts for those after it."""
	result = []
	for prospect in prospects:
		verdict = register.check(prospect)
		if verdict.kind in (INVITE, HOLD):
			label = f"{prospect.name} ({prospect.row})" if prospect.row else prospect.name
			register.add(Known.from_prospect(prospect, label=label))
		result.append((prospect, verdict))
	return result


def _nearly(name: _Name) -> Iterator[frozenset[str]]:
	"""All words, and all but one of them."""
	if 0 < len(name.words) <= 12:
		yield name.words
		if len(name.words) > 1:
			for word in name.words:
				yield name.words - {word}


def _verdict(kind: str, how: str, known: Known, detail: str) -> Verdict:
	label = known.label or (known.names[0] if known.names else known.key)
	return Verdict(kind, f"{how}_{known.kind}", known, detail, (label, detail, known.detail))
