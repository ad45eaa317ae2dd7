"""Languages as a roster names them: ISO 639-1 codes, or names in English, Chinese and the language itself."""

from __future__ import annotations

import re

from imta_crm.policy.names import fold


class UnknownLanguage(ValueError):
	"""No such language."""


_CODES = frozenset(
	"""aa ab af ak am ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
	en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it
	iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt
	my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl
	sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo
	za zh zu fil""".split()
)

_NAMES = {
	"en": "english 英语 英文", "zh": "chinese mandarin 中文 汉语 华语 普通话 简体中文 zh-hans cn", "fr": "french français 法语",
	"de": "german deutsch 德语", "es": "spanish español castellano 西班牙语", "it": "italian italiano 意大利语",
	"pt": "portuguese português 葡萄牙语", "ru": "russian русский 俄语", "ja": "japanese 日本語 日语 jp",
	"ko": "korean 한국어 韩语 kr", "ar": "arabic العربية 阿拉伯语", "fa": "persian farsi فارسی 波斯语",
	"tr": "turkish türkçe 土耳其语", "ne": "nepali नेपाली 尼泊尔语", "hi": "hindi हिन्दी 印地语", "th": "thai ไทย 泰语",
	"vi": "vietnamese 越南语", "mn": "mongolian монгол 蒙古语", "pl": "polish polski 波兰语", "cs": "czech čeština 捷克语",
	"el": "greek ελληνικά 希腊语", "id": "indonesian 印尼语 印度尼西亚语", "ms": "malay 马来语", "lo": "lao 老挝语",
	"ro": "romanian română 罗马尼亚语", "bg": "bulgarian български 保加利亚语", "sv": "swedish svenska 瑞典语",
	"nb": "norwegian norsk 挪威语", "sl": "slovenian slovene 斯洛文尼亚语", "hr": "croatian hrvatski 克罗地亚语",
	"ka": "georgian 格鲁吉亚语", "hy": "armenian 亚美尼亚语", "nl": "dutch nederlands 荷兰语", "uk": "ukrainian 乌克兰语",
	"sw": "swahili kiswahili 斯瓦希里语", "am": "amharic 阿姆哈拉语", "ur": "urdu 乌尔都语", "si": "sinhala 僧伽罗语",
}  # fmt: skip
_BY_NAME = {fold(name): code for code, names in _NAMES.items() for name in names.split()}
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{2,4}))?")


def find_language(text: str) -> str:
	"""The language's code; Chinese in traditional characters is `zh-TW`, every other region is dropped.

	Any language of ISO 639-1 is kept as told, official or not. Raises UnknownLanguage.
	"""
	folded = fold(text)
	if folded in ("zh-tw", "zh_tw", "zh-hk", "zh-hant", "zh_hant", "繁体中文", "繁體中文"):
		return "zh-TW"
	if folded in _BY_NAME:
		return _BY_NAME[folded]
	match = _TAG.fullmatch(folded)
	if match and match[1] in _CODES:
		return match[1]
	raise UnknownLanguage(text)
