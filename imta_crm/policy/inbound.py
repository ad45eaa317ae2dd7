"""What an incoming mail is: an answer, an automatic answer, a bounce, or a wish to be left alone.

Bounces are read by RFC 3464 where the other server keeps to it, else by the usual words. What is in doubt is
an answer: a person looks at it. A failure that may pass is soft, and so is every one in doubt.
"""

from __future__ import annotations

import email
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

from imta_crm.policy.names import fold, inert
from imta_crm.policy.prospects import fold_email

REPLY = "reply"
AUTO_REPLY = "auto_reply"
HARD_BOUNCE = "hard_bounce"
SOFT_BOUNCE = "soft_bounce"
UNSUBSCRIBE = "unsubscribe"

MAX_BYTES = 1024 * 1024
MAX_DIAGNOSTIC = 400
MAX_TEXT = 20_000


@dataclass(frozen=True)
class Inbound:
	"""`message_ids`: ids, without < >, of the mails that it answers or returns, the likeliest first.

	`sender`: the folded address it came from. `recipient`: the address that could not be reached.
	`status`: the enhanced code such as 5.1.1. `diagnostic`: what the other server said, shortened.
	`text`: what the person wrote, without the mail that is quoted below it.
	"""

	kind: str
	message_ids: tuple[str, ...] = ()
	sender: str = ""
	recipient: str = ""
	status: str = ""
	diagnostic: str = ""
	subject: str = ""
	text: str = field(default="", repr=False)

	@property
	def is_bounce(self) -> bool:
		return self.kind in (HARD_BOUNCE, SOFT_BOUNCE)


def classify(raw: bytes | str) -> Inbound:
	"""What the mail is. Never fails: what cannot be read is a reply, for a person to look at."""
	data = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else bytes(raw or b"")
	try:
		mail = email.message_from_bytes(data[:MAX_BYTES])
		return _classify(mail)
	# The parser is lenient, its headers are not: broken ones must not stop the inbox.
	except (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
		return Inbound(REPLY)


def _classify(mail: Message) -> Inbound:
	subject = _header(mail, "Subject")
	sender = _sender(mail)
	ids = tuple(dict.fromkeys(_ids(mail)))
	text = _text(mail)
	if report := _delivery_report(mail):
		kind, recipient, status, diagnostic = report
		if kind:
			return Inbound(kind, ids, sender, recipient, status, diagnostic, subject)
		# A delay that has been got over, or a receipt: nothing that anybody said.
		return Inbound(AUTO_REPLY, ids, sender, recipient, status, diagnostic, subject)
	if _is_from_mail_system(mail, sender, subject):
		kind, recipient, status, diagnostic = _read_bounce(text, subject, mail)
		return Inbound(kind, ids, sender, recipient, status, diagnostic, subject)
	said = unquoted(text)
	if _is_automatic(mail, subject, said):
		return Inbound(AUTO_REPLY, ids, sender, subject=subject, text=said)
	if _wants_out(subject, said):
		return Inbound(UNSUBSCRIBE, ids, sender, subject=subject, text=said)
	return Inbound(REPLY, ids, sender, subject=subject, text=said)


# Headers


def _header(mail: Message, name: str) -> str:
	value = mail.get(name)
	if value is None:
		return ""
	try:
		parts = decode_header(str(value))
	except (MessageError, ValueError):
		return " ".join(str(value).split())
	said = (part if isinstance(part, str) else _characters(part, charset) for part, charset in parts)
	return " ".join("".join(said).split())


def _characters(data: bytes, charset: str | None) -> str:
	"""By the character set that it names; what calls itself GB2312 mostly has more characters than that."""
	for name in (charset or "utf-8", "utf-8", "gb18030"):
		try:
			return data.decode("gb18030" if name.lower() in ("gb2312", "gbk") else name)
		except (LookupError, ValueError):
			continue
	return data.decode("latin-1")


def _sender(mail: Message) -> str:
	for name in ("From", "Sender", "Return-Path"):
		for _, address in getaddresses([str(value) for value in mail.get_all(name, [])]):
			if "@" in address:
				return fold_email(address)
	return ""


_ID = re.compile(r"<([^<>\s]{1,500})>")


def _ids(mail: Message) -> Iterator[str]:
	"""What it answers before what it returns, the latest of a thread first."""
	yield from _ID.findall(str(mail.get("In-Reply-To", "")))
	yield from reversed(_ID.findall(str(mail.get("References", ""))))
	own = set(_ID.findall(str(mail.get("Message-ID", ""))))
	for part in mail.walk():
		kind = part.get_content_type()
		if kind == "message/rfc822" and part.is_multipart():
			for returned in part.get_payload():
				yield from _ID.findall(str(returned.get("Message-ID", "")))
		elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
			returned = email.message_from_string(_decoded(part))
			yield from _ID.findall(str(returned.get("Message-ID", "")))
		elif kind == "text/plain" and _is_from_mail_system(mail, _sender(mail), _header(mail, "Subject")):
			found = re.findall(r"(?im)^[> \t]*Message-ID:\s*<([^<>\s]{1,500})>", _decoded(part)[:200_000])
			yield from (one for one in found if one not in own)


# Text


def _decoded(part: Message) -> str:
	payload = part.get_payload(decode=True)
	if payload is None:
		inner = part.get_payload()
		return inner if isinstance(inner, str) else "\n".join(str(one) for one in inner or [])
	return _characters(payload, part.get_content_charset())


def _text(mail: Message) -> str:
	"""The plain part, else what the HTML one says; attachments and returned mails aside."""
	plain, rich = [], []
	stack = [mail]
	while stack:
		part = stack.pop(0)
		kind = part.get_content_type()
		if part.is_multipart():
			if kind != "message/rfc822":
				stack[:0] = part.get_payload()
		elif part.get_content_disposition() != "attachment":
			if kind == "text/plain":
				plain.append(_decoded(part))
			elif kind == "text/html":
				rich.append(part)
	text = "\n".join(plain) if any(one.strip() for one in plain) else "\n".join(map(_of_html, rich))
	return text[:MAX_TEXT]


def _of_html(part: Message) -> str:
	"""What a reader sees above the quotation. One pass, whatever is open and never closed."""
	first, *pieces = _decoded(part)[: MAX_TEXT * 10].split("<")
	said = [first]
	unseen = ""
	for piece in pieces:
		tag, closed, text = piece.partition(">")
		name, _, rest = tag.strip().lower().partition(" ")
		if unseen:
			if name == f"/{unseen}":
				unseen = ""
				said.append(text)
			continue
		if not closed:
			said.append(f"<{piece}")
		elif name in ("style", "script", "head", "title"):
			unseen = name
		elif name == "blockquote" or (name == "div" and "gmail_quote" in rest):
			break
		else:
			said.append("\n" if name.rstrip("/") in ("br", "/p", "/div", "/tr", "/li") else " ")
			said.append(text)
	return html.unescape("".join(said))


_QUOTE_BEGINS = re.compile(
	r"""(?imx)^\s*(?:
	[>|] | -{2,}\s*(?:original\ message|forwarded|原始邮件|转发邮件|回复的原邮件|原邮件) | _{10,}\s*$ | -{8,}\s*$
	| on\ .{4,120}\ wrote:\s*$ | .{4,120}(?:写道|寫道)[：:]\s*$ | 在.{4,120}(?:写道|寫道)[：:]
	| (?:from|发件人|寄件者)\s*[：:].{0,200}@
	| am\ .{4,120}\ schrieb.{0,120}:\s*$ | le\ .{4,120}\ a\ écrit\s*:\s*$
	)"""
)


def unquoted(text: str) -> str:
	"""What stands above the quoted mail; all of it where nothing does."""
	text = text.replace("\r\n", "\n").replace("\r", "\n")
	found = _QUOTE_BEGINS.search(text)
	above = text[: found.start()].strip() if found else text.strip()
	if above or not found:
		return above
	lines = (line for line in text.splitlines() if not line.lstrip().startswith(">"))
	return "\n".join(lines).strip()


# Bounces

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.:#-])([45]\d\d)(?=[ \-#])")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# Permanent by its number, yet the mailbox may take the next mail: full, too large, too many, looked like spam.
_SOFT_THOUGH_5 = frozenset(
	{"2.2", "2.3", "3.1", "3.2", "3.4", "4.5", "4.7", "5.3", "7.0", "7.1", "7.26", "7.28"}
)
_MAIL_SYSTEMS = re.compile(
	r"^(?:mailer-?daemon|postmaster|mail-?daemon|mdaemon|mail\.?delivery|bounces?)\b", re.I
)
_BOUNCE_SUBJECTS = re.compile(
	r"""undeliver|delivery\ (?:status\ notification|failure|has\ failed|incomplete|problem|delayed)|failure\ notice
	|returned\ (?:mail|to\ sender)|mail\ delivery\ (?:failed|system|subsystem)|could\ not\ be\ delivered
	|non\ remis|unzustellbar|delivery\ report|message\ (?:delivery\ )?(?:failed|delayed|not\ delivered)
	|退信|系统退信|投递失败|无法投递|未送达|发送失败|邮件未能|無法傳遞""",
	re.I | re.X,
)
_HARD_WORDS = re.compile(
	r"""user\ unknown|unknown\ (?:user|recipient|mailbox|address)|no\ such\ (?:user|recipient|mailbox|address|person)
	|(?:mailbox|address|account|recipient|user)\ (?:\S{1,80}\ )?(?:does\ not|doesn['’]t|not)\ (?:exist|found)
	|mailbox\ (?:unavailable|not\ found|disabled|has\ been\ disabled|is\ disabled|inactive)|account\ (?:that\ you|disabled)
	|recipient\ (?:address\ )?rejected|invalid\ (?:recipient|mailbox|address)|address\ (?:not\ found|unknown)
	|(?:host|domain)\ (?:\S{1,80}\ )?(?:not\ found|does\ not\ exist|unknown)|wasn['’]t\ found\ at|could\ ?n['’o]t\ be\ found
	|no\ longer\ (?:exists|works|available|active|in\ use)|permanent\ (?:error|failure)
	|用户不存在|收件人不存在|邮箱不存在|帐户不存在|账户不存在|地址不存在|收件人(?:地址)?(?:有误|错误|无效)|不存在该(?:用户|邮箱)
	|域名不存在|帐号不存在|账号不存在|邮箱地址.{0,10}(?:不存在|有误)|已停用|已注销""",
	re.I | re.X,
)
_SOFT_WORDS = re.compile(
	r"""(?:mailbox|quota|inbox|storage)\ (?:\S{1,80}\ )?(?:is\ )?(?:full|exceeded)|over\ (?:its\ )?quota|quota\ exceed
	|too\ (?:large|big|many)|temporar|try\ again|will\ (?:be\ )?(?:retry|retried|keep\ trying)|delayed|not\ yet\ been
	|grey-?list|timed?\ ?out|connection\ (?:refused|reset|lost)|rate\ limit|spam|blocked|blacklist|reputation
	|insufficient|deferred|邮箱已满|空间已满|容量|已超.{0,6}(?:限|额)|稍后|暂时|延迟|重试|超时|频率|垃圾邮件|拒收""",
	re.I | re.X,
)


def _delivery_report(mail: Message) -> tuple[str, str, str, str] | None:
	"""Kind (empty: nothing failed), recipient, status and diagnostic by RFC 3464; None where it is no report."""
	worst: tuple[int, str, str, str, str] | None = None
	seen = False
	for part in mail.walk():
		kind = part.get_content_type()
		if kind == "message/disposition-notification":
			return "", "", "", ""
		if kind not in ("message/delivery-status", "message/global-delivery-status"):
			continue
		seen = True
		for group in _groups(part):
			action = str(group.get("Action", "")).strip().lower()
			recipient = _address(group.get("Original-Recipient")) or _address(group.get("Final-Recipient"))
			if not action and not recipient:
				continue
			diagnostic = str(group.get("Diagnostic-Code", ""))
			status = _status(str(group.get("Status", ""))) or _status(diagnostic)
			if action in ("delivered", "relayed", "expanded") or status.startswith("2."):
				found = (0, "", recipient, status, _short(diagnostic))
			elif action == "delayed":
				found = (1, SOFT_BOUNCE, recipient, status, _short(diagnostic))
			else:
				kind_ = _weigh(status, diagnostic)
				found = (3 if kind_ == HARD_BOUNCE else 2, kind_, recipient, status, _short(diagnostic))
			if worst is None or found[0] > worst[0]:
				worst = found
	if worst:
		return worst[1:]
	# A report without a word about anybody is read like a bounce in plain words.
	if seen or (
		mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status"
	):
		return _read_bounce(_text(mail), _header(mail, "Subject"), mail)
	return None


def _groups(part: Message) -> Iterator[Message]:
	payload = part.get_payload()
	if isinstance(payload, list):
		yield from payload
		return
	for block in re.split(r"\r?\n[ \t]*\r?\n", _decoded(part)):
		yield email.message_from_string(block.strip() + "\n\n")


def _address(value: object) -> str:
	"""From `rfc822; person@example.org`."""
	found = _ADDRESS.search(str(value or "").split(";", 1)[-1])
	return fold_email(found[0]) if found else ""


def _status(text: str) -> str:
	found = _STATUS.search(text)
	return ".".join(found.groups()) if found else ""


def _short(text: str) -> str:
	text = inert(" ".join(text.split()))
	return text if len(text) <= MAX_DIAGNOSTIC else text[: MAX_DIAGNOSTIC - 1] + "…"


def _weigh(status: str, said: str) -> str:
	"""Hard only where the address itself is at fault for good."""
	if status.startswith("4."):
		return SOFT_BOUNCE
	if status.startswith("5."):
		rest = status[2:]
		if rest in ("7.1", "0.0", "7.0"):
			return HARD_BOUNCE if _HARD_WORDS.search(said) and not _SOFT_WORDS.search(said) else SOFT_BOUNCE
		if rest in _SOFT_THOUGH_5:
			return SOFT_BOUNCE
		if rest.startswith("7."):
			return HARD_BOUNCE if _HARD_WORDS.search(said) else SOFT_BOUNCE
		return HARD_BOUNCE
	if _SOFT_WORDS.search(said) and not _HARD_WORDS.search(said):
		return SOFT_BOUNCE
	if _HARD_WORDS.search(said):
		return HARD_BOUNCE
	code = _REPLY_CODE.search(said)
	return (
		HARD_BOUNCE
		if code and code[1] in ("550", "551", "553") and not _SOFT_WORDS.search(said)
		else SOFT_BOUNCE
	)


def _is_from_mail_system(mail: Message, sender: str, subject: str) -> bool:
	"""Whether a mail system speaks, and of a mail that did not arrive."""
	if mail.get("X-Failed-Recipients"):
		return True
	if mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status":
		return True
	system = bool(_MAIL_SYSTEMS.match(sender))
	empty_path = str(mail.get("Return-Path", "")).strip() == "<>"
	return ((system or empty_path) and bool(_BOUNCE_SUBJECTS.search(subject))) or (
		system and bool(_HARD_WORDS.search(_text(mail)))
	)


def _read_bounce(text: str, subject: str, mail: Message) -> tuple[str, str, str, str]:
	"""Kind, recipient, status and diagnostic from a bounce in plain words."""
	failed = _address(mail.get("X-Failed-Recipients"))
	# What the server says comes before the returned mail.
	said = re.split(
		r"(?im)^[-\s]*(?:this is a copy of|below this line is a copy|original message|message headers follow|原邮件信息)",
		text,
	)[0]
	own = {
		fold_email(address)
		for _, address in getaddresses([str(mail.get("To", "")), str(mail.get("From", ""))])
	}
	found = [fold_email(address) for address in _ADDRESS.findall(said)]
	recipient = failed or next((one for one in found if one not in own and not _MAIL_SYSTEMS.match(one)), "")
	status = _status(said)
	kind = _weigh(status, f"{subject}\n{said}")
	lines = [line for line in said.splitlines() if line.strip()]
	telling = [
		line for line in lines if _STATUS.search(line) or _REPLY_CODE.search(line) or _HARD_WORDS.search(line)
	]
	return kind, recipient, status, _short(" ".join(telling[:3] or lines[:3]))


# Automatic answers

_AUTO_SUBJECTS = re.compile(
	r"""^(?:\[?\s*(?:auto(?:matic|mated)?[\ :-]*(?:reply|response|answer|respond\w*)?\b\s*[:：\]-]|automatic\ reply|auto-?reply
	|out\ of\ (?:the\ )?office|ooo\b|on\ (?:vacation|leave|holiday)|vacation\ (?:reply|notice|response)|away\ from
	|abwesenheit|automatische\ antwort|r[ée]ponse\ automatique|respuesta\ autom|risposta\ autom|resposta\ autom
	|自动回复|自動回覆|自动答复|自动应答|休假|外出|不在办公室)|.{0,40}(?:自动回复|自動回覆|out\ of\ (?:the\ )?office))""",
	re.I | re.X,
)
_AUTO_TEXTS = re.compile(
	r"""^\W*(?:this\ is\ an\ auto|i\ am\ (?:currently\ )?(?:out\ of\ (?:the\ )?office|on\ (?:annual\ |sick\ |parental\ |maternity\ )?leave
	|on\ vacation|away\ from)|i['’]?m\ (?:currently\ )?(?:out\ of\ (?:the\ )?office|on\ (?:annual\ )?leave|on\ vacation)
	|(?:thank\ you\ for\ your\ (?:e-?mail|message)[.,!]?\ +)?i\ (?:am|will\ be)\ (?:currently\ )?out\ of\ (?:the\ )?office
	|您好[，,！!]?\s*(?:这是|此为)(?:一封)?自动|这是(?:一封)?自动回复|(?:这是来自|来自).{1,20}(?:的|邮箱的)(?:假期)?自动回复
	|您?的?(?:邮件|来信)(?:我)?(?:已|已经)收到[，,。！!]?\s*(?:我会?(?:会|将)?尽快|谢谢|感谢)?(?:给您|与您)?(?:回复|联系|答复)?您?[。！!～~]?\s*$
	|我(?:现|目前|正在|正)(?:在)?(?:休假|出差|外出))""",
	re.I | re.X,
)


def _is_automatic(mail: Message, subject: str, said: str) -> bool:
	"""RFC 3834 and what came before it, then the usual words."""
	submitted = str(mail.get("Auto-Submitted", "")).split(";")[0].strip().lower()
	if submitted and submitted != "no":
		return True
	if any(
		mail.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From", "X-Mail-Autoreply")
	):
		return True
	precedence = str(mail.get("Precedence", "") or mail.get("X-Precedence", "")).strip().lower()
	# A list's own "list" says nothing: people answer through lists too.
	if precedence in ("auto_reply", "auto-reply", "bulk", "junk"):
		return True
	if str(mail.get("X-Auto-Response-Suppress", "")).strip().lower() == "all" and _AUTO_SUBJECTS.search(
		subject
	):
		return True
	return bool(_AUTO_SUBJECTS.search(subject) or _AUTO_TEXTS.search(said[:600]))


# To be left alone

_OUT_SUBJECTS = re.compile(
	r"^(?:(?:re|aw|回复|答复)\s*[:：]\s*)*(?:unsubscribe|opt[ -]?out|退订|取消订阅|退訂|td)\b.{0,40}$", re.I
)
_OUT_TEXTS = re.compile(
	r"""^\W*(?:(?:please|pls|kindly)\ )?(?:
	(?:unsubscribe|opt\ ?-?out|opt\ (?:me|us)\ out|(?:remove|delete)\ (?:me|us|my\ address|this\ address|our\ address)
		|take\ (?:me|us)\ off)
		(?:\ (?:me|us))?(?:\ (?:from\ )?(?:your|the|this|all|any)?\ ?(?:e-?mail(?:ing)?|mailing|contact|distribution)?\ ?(?:lists?|database))?
	|(?:do\ not|don['’]t|stop|never)\ (?:writ(?:e|ing)|e-?mail(?:ing)?|mail(?:ing)?|contact(?:ing)?)
		(?:\ (?:to\ )?(?:me|us|this\ address))?(?:\ (?:again|any\ ?more|any\ longer))?
	|(?:do\ not|don['’]t|stop|never)\ send(?:ing)?(?:\ (?:me|us))?(?:\ any)?(?:\ (?:more|further|such|these|your))?
		\ (?:e-?mails?|mails?|messages?|invitations?|letters?)(?:\ (?:to\ (?:me|us)|again|any\ ?more))*
	|请?(?:退订|取消订阅|td|退訂)
	|请?(?:不要|别|勿)再?(?:给我们?)?(?:发送?(?:邮件|信息?)?(?:给我们?)?|来信|来函|联系(?:我们?)?|打扰(?:我们?)?)了?
	)(?:\W*\b(?:thank\ you|thanks|谢谢))?\W*$""",
	re.I | re.X,
)


def _wants_out(subject: str, said: str) -> bool:
	"""Only where it is all that is said: a longer text is for a person to read."""
	lines = [line.strip() for line in said.splitlines() if line.strip()]
	if _OUT_SUBJECTS.match(fold(subject)):
		return len(said) <= 400
	return bool(lines) and len(lines) <= 6 and len(said) <= 400 and bool(_OUT_TEXTS.match(lines[0]))
