"""Countries and regions: how people write them, and the name under which Frappe keeps them.

Each line: ISO 3166-1 alpha-2, alpha-3, the name of Frappe's Country record, the Chinese name, further names.
"Country/region" is the label everywhere; the list says nothing about the status of any of them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from imta_crm.policy.names import fold_loose


class Country(NamedTuple):
	code: str
	code3: str
	name: str
	name_zh: str
	aliases: tuple[str, ...]


class UnknownCountry(ValueError):
	"""No country or region is called so, or several are. `code` is a key of `messages.TEXTS`."""

	def __init__(self, code: str, *args_: str):
		super().__init__(code, *args_)
		self.code = code
		self.args_ = args_


# Names that stand for more than one; better asked than guessed.
_AMBIGUOUS = {
	"korea": ("KR", "KP"),
	"virginislands": ("VG", "VI"),
	"stmartin": ("MF", "SX"),
	"saintmartin": ("MF", "SX"),
}

# Traditional characters that occur in names of countries, to the simplified ones of the table.
_SIMPLIFIED = str.maketrans(
	"國韓門灣蘭島臺羅亞聯馬達爾維納陽寧尼緬賓臘紐捷騰烏塞賽義東爪盧榮蘇倫敘約門剛貝麥圖瑞愛",
	"国韩门湾兰岛台罗亚联马达尔维纳阳宁尼缅宾腊纽捷腾乌塞赛义东爪卢荣苏伦叙约门刚贝麦图瑞爱",
)


def _key(text: str) -> str:
	key = fold_loose(text.translate(_SIMPLIFIED))
	return key[3:] if key.startswith("the") and len(key) > 6 else key


@cache
def all_countries() -> tuple[Country, ...]:
	"""The whole table, by code."""
	found = []
	for line in _TABLE.strip().splitlines():
		code, code3, name, name_zh, *aliases = line.split("|")
		found.append(Country(code, code3, name, name_zh, tuple(aliases)))
	return tuple(found)


@cache
def by_code() -> dict[str, Country]:
	return {country.code: country for country in all_countries()}


@cache
def _index() -> dict[str, Country]:
	# Names after codes, so that a name never loses to another country's code.
	index: dict[str, Country] = {}
	for country in all_countries():
		index[country.code.lower()] = index[country.code3.lower()] = country
	for country in all_countries():
		for text in (*country.aliases, country.name_zh, country.name):
			index[_key(text)] = country
	return index


@cache
def find_country(text: str) -> Country:
	"""The country or region that the text names: English or Chinese, official or usual name, or ISO code.

	Raises UnknownCountry (`country_unknown`, `country_ambiguous`).
	"""
	key = _key(text)
	if key in _AMBIGUOUS:
		names = " / ".join(by_code()[code].name for code in _AMBIGUOUS[key])
		raise UnknownCountry("country_ambiguous", text.strip(), names)
	try:
		return _index()[key]
	except KeyError:
		raise UnknownCountry("country_unknown", text.strip()) from None


_TABLE = """
AD|AND|Andorra|安道尔|Principality of Andorra
AE|ARE|United Arab Emirates|阿拉伯联合酋长国|UAE|Emirates|阿联酋
AF|AFG|Afghanistan|阿富汗|Islamic Republic of Afghanistan
AG|ATG|Antigua and Barbuda|安提瓜和巴布达
AI|AIA|Anguilla|安圭拉
AL|ALB|Albania|阿尔巴尼亚|Republic of Albania
AM|ARM|Armenia|亚美尼亚|Republic of Armenia
AO|AGO|Angola|安哥拉|Republic of Angola
AQ|ATA|Antarctica|南极洲
AR|ARG|Argentina|阿根廷|Argentine Republic
AS|ASM|American Samoa|美属萨摩亚
AT|AUT|Austria|奥地利|Republic of Austria|Österreich
AU|AUS|Australia|澳大利亚|澳洲
AW|ABW|Aruba|阿鲁巴
AX|ALA|Åland Islands|奥兰群岛|Aland
AZ|AZE|Azerbaijan|阿塞拜疆|Republic of Azerbaijan
BA|BIH|Bosnia and Herzegovina|波斯尼亚和黑塞哥维那|Republic of Bosnia and Herzegovina|Bosnia|Bosnia-Herzegovina|波黑
BB|BRB|Barbados|巴巴多斯
BD|BGD|Bangladesh|孟加拉国|People's Republic of Bangladesh
BE|BEL|Belgium|比利时|Kingdom of Belgium|Belgique|België
BF|BFA|Burkina Faso|布基纳法索
BG|BGR|Bulgaria|保加利亚|Republic of Bulgaria
BH|BHR|Bahrain|巴林|Kingdom of Bahrain
BI|BDI|Burundi|布隆迪|Republic of Burundi
BJ|BEN|Benin|贝宁|Republic of Benin
BL|BLM|Saint Barthélemy|圣巴泰勒米|St. Barthélemy
BM|BMU|Bermuda|百慕大
BN|BRN|Brunei Darussalam|文莱|Brunei
BO|BOL|Bolivia, Plurinational State of|玻利维亚|Bolivia|Plurinational State of Bolivia
BQ|BES|Bonaire, Sint Eustatius and Saba|荷属加勒比区|Caribbean Netherlands|Bonaire
BR|BRA|Brazil|巴西|Federative Republic of Brazil|Brasil
BS|BHS|Bahamas|巴哈马|Commonwealth of the Bahamas|The Bahamas
BT|BTN|Bhutan|不丹|Kingdom of Bhutan
BV|BVT|Bouvet Island|布韦岛
BW|BWA|Botswana|博茨瓦纳|Republic of Botswana
BY|BLR|Belarus|白俄罗斯|Republic of Belarus|Belorussia
BZ|BLZ|Belize|伯利兹
CA|CAN|Canada|加拿大
CC|CCK|Cocos (Keeling) Islands|科科斯（基林）群岛
CD|COD|Congo, The Democratic Republic of the|刚果（金）|Congo - Kinshasa|DRC|DR Congo|Democratic Republic of the Congo|刚果民主共和国
CF|CAF|Central African Republic|中非共和国|CAR
CG|COG|Congo|刚果（布）|Congo - Brazzaville|Republic of the Congo|Congo Republic|刚果共和国
CH|CHE|Switzerland|瑞士|Swiss Confederation|Schweiz|Suisse|Svizzera|Swiss
CI|CIV|Ivory Coast|科特迪瓦|Côte d'Ivoire|Republic of Côte d'Ivoire|科特迪瓦共和国|象牙海岸
CK|COK|Cook Islands|库克群岛
CL|CHL|Chile|智利|Republic of Chile
CM|CMR|Cameroon|喀麦隆|Republic of Cameroon
CN|CHN|China|中国|People's Republic of China|PRC|PR China|China PR|Mainland China|中华人民共和国|中国大陆|中国内地
CO|COL|Colombia|哥伦比亚|Republic of Colombia
CR|CRI|Costa Rica|哥斯达黎加|Republic of Costa Rica
CU|CUB|Cuba|古巴|Republic of Cuba
CV|CPV|Cape Verde|佛得角|Cabo Verde|Republic of Cabo Verde|Cape Verde Islands
CW|CUW|Curaçao|库拉索
CX|CXR|Christmas Island|圣诞岛
CY|CYP|Cyprus|塞浦路斯|Republic of Cyprus
CZ|CZE|Czech Republic|捷克|Czechia|捷克共和国
DE|DEU|Germany|德国|Federal Republic of Germany|Deutschland
DJ|DJI|Djibouti|吉布提|Republic of Djibouti
DK|DNK|Denmark|丹麦|Kingdom of Denmark|Danmark
DM|DMA|Dominica|多米尼克|Commonwealth of Dominica
DO|DOM|Dominican Republic|多米尼加共和国|Dominican Rep.|多米尼加
DZ|DZA|Algeria|阿尔及利亚|People's Democratic Republic of Algeria
EC|ECU|Ecuador|厄瓜多尔|Republic of Ecuador
EE|EST|Estonia|爱沙尼亚|Republic of Estonia
EG|EGY|Egypt|埃及|Arab Republic of Egypt
EH|ESH|Western Sahara|西撒哈拉
ER|ERI|Eritrea|厄立特里亚|the State of Eritrea
ES|ESP|Spain|西班牙|Kingdom of Spain|España
ET|ETH|Ethiopia|埃塞俄比亚|Federal Democratic Republic of Ethiopia
FI|FIN|Finland|芬兰|Republic of Finland|Suomi
FJ|FJI|Fiji|斐济|Republic of Fiji
FK|FLK|Falkland Islands (Malvinas)|福克兰群岛（马尔维纳斯）|Falkland Islands|Malvinas|马尔维纳斯群岛|福克兰群岛
FM|FSM|Micronesia, Federated States of|密克罗尼西亚|Federated States of Micronesia|Micronesia|密克罗尼西亚联邦
FO|FRO|Faroe Islands|法罗群岛
FR|FRA|France|法国|French Republic|法兰西
GA|GAB|Gabon|加蓬|Gabonese Republic
GB|GBR|United Kingdom|英国|United Kingdom of Great Britain and Northern Ireland|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|大不列颠|联合王国
GD|GRD|Grenada|格林纳达
GE|GEO|Georgia|格鲁吉亚
GF|GUF|French Guiana|法属圭亚那
GG|GGY|Guernsey|根西岛
GH|GHA|Ghana|加纳|Republic of Ghana
GI|GIB|Gibraltar|直布罗陀
GL|GRL|Greenland|格陵兰
GM|GMB|Gambia|冈比亚|Republic of the Gambia|The Gambia
GN|GIN|Guinea|几内亚|Republic of Guinea
GP|GLP|Guadeloupe|瓜德罗普
GQ|GNQ|Equatorial Guinea|赤道几内亚|Republic of Equatorial Guinea
GR|GRC|Greece|希腊|Hellenic Republic|Hellas
GS|SGS|South Georgia and the South Sandwich Islands|南乔治亚和南桑威奇群岛|South Georgia & South Sandwich Islands
GT|GTM|Guatemala|危地马拉|Republic of Guatemala
GU|GUM|Guam|关岛
GW|GNB|Guinea-Bissau|几内亚比绍|Republic of Guinea-Bissau
GY|GUY|Guyana|圭亚那|Republic of Guyana
HK|HKG|Hong Kong|中国香港|Hong Kong SAR China|Hong Kong Special Administrative Region of China|Hong Kong SAR|HKSAR|Hong Kong, China|香港|香港特别行政区|中国香港特别行政区
HM|HMD|Heard Island and McDonald Islands|赫德岛和麦克唐纳群岛|Heard & McDonald Islands
HN|HND|Honduras|洪都拉斯|Republic of Honduras
HR|HRV|Croatia|克罗地亚|Republic of Croatia|Hrvatska
HT|HTI|Haiti|海地|Republic of Haiti
HU|HUN|Hungary|匈牙利|Magyarország
ID|IDN|Indonesia|印度尼西亚|Republic of Indonesia|印尼
IE|IRL|Ireland|爱尔兰|Republic of Ireland|Eire|爱尔兰共和国
IL|ISR|Israel|以色列|State of Israel
IM|IMN|Isle of Man|马恩岛
IN|IND|India|印度|Republic of India|Bharat
IO|IOT|British Indian Ocean Territory|英属印度洋领地
IQ|IRQ|Iraq|伊拉克|Republic of Iraq
IR|IRN|Iran|伊朗|Iran, Islamic Republic of|Islamic Republic of Iran|伊朗伊斯兰共和国
IS|ISL|Iceland|冰岛|Republic of Iceland
IT|ITA|Italy|意大利|Italian Republic|Italia
JE|JEY|Jersey|泽西岛
JM|JAM|Jamaica|牙买加
JO|JOR|Jordan|约旦|Hashemite Kingdom of Jordan
JP|JPN|Japan|日本|Nippon|Nihon
KE|KEN|Kenya|肯尼亚|Republic of Kenya
KG|KGZ|Kyrgyzstan|吉尔吉斯斯坦|Kyrgyz Republic|Kirgizstan|Kyrgyz|吉尔吉斯
KH|KHM|Cambodia|柬埔寨|Kingdom of Cambodia|Kampuchea
KI|KIR|Kiribati|基里巴斯|Republic of Kiribati
KM|COM|Comoros|科摩罗|Union of the Comoros
KN|KNA|Saint Kitts and Nevis|圣基茨和尼维斯|St. Kitts & Nevis
KP|PRK|Korea, Democratic Peoples Republic of|朝鲜|Democratic People's Republic of Korea|North Korea|DPRK|Korea, North|朝鲜民主主义人民共和国
KR|KOR|Korea, Republic of|韩国|South Korea|Korea (South)|Republic of Korea|Korea Republic|ROK|S. Korea|南韩|大韩民国|대한민국|한국
KW|KWT|Kuwait|科威特|State of Kuwait
KY|CYM|Cayman Islands|开曼群岛
KZ|KAZ|Kazakhstan|哈萨克斯坦|Republic of Kazakhstan|Kazakstan
LA|LAO|Lao Peoples Democratic Republic|老挝|Laos|Lao PDR|Lao|老挝人民民主共和国
LB|LBN|Lebanon|黎巴嫩|Lebanese Republic
LC|LCA|Saint Lucia|圣卢西亚|St. Lucia
LI|LIE|Liechtenstein|列支敦士登|Principality of Liechtenstein
LK|LKA|Sri Lanka|斯里兰卡|Democratic Socialist Republic of Sri Lanka
LR|LBR|Liberia|利比里亚|Republic of Liberia
LS|LSO|Lesotho|莱索托|Kingdom of Lesotho
LT|LTU|Lithuania|立陶宛|Republic of Lithuania
LU|LUX|Luxembourg|卢森堡|Grand Duchy of Luxembourg
LV|LVA|Latvia|拉脱维亚|Republic of Latvia
LY|LBY|Libya|利比亚
MA|MAR|Morocco|摩洛哥|Kingdom of Morocco
MC|MCO|Monaco|摩纳哥|Principality of Monaco
MD|MDA|Moldova, Republic of|摩尔多瓦|Moldova|Republic of Moldova
ME|MNE|Montenegro|黑山
MF|MAF|Saint Martin (French part)|法属圣马丁|St. Martin|Saint-Martin
MG|MDG|Madagascar|马达加斯加|Republic of Madagascar
MH|MHL|Marshall Islands|马绍尔群岛|Republic of the Marshall Islands
MK|MKD|Macedonia|北马其顿|North Macedonia|Republic of North Macedonia|FYROM|The former Yugoslav Republic of Macedonia|马其顿
ML|MLI|Mali|马里|Republic of Mali
MM|MMR|Myanmar|缅甸|Myanmar (Burma)|Republic of Myanmar|Burma
MN|MNG|Mongolia|蒙古|蒙古国
MO|MAC|Macao|中国澳门|Macao SAR China|Macao Special Administrative Region of China|Macau|Macao SAR|Macau SAR|Macao, China|Macau, China|澳门|澳门特别行政区|中国澳门特别行政区
MP|MNP|Northern Mariana Islands|北马里亚纳群岛|Commonwealth of the Northern Mariana Islands
MQ|MTQ|Martinique|马提尼克
MR|MRT|Mauritania|毛里塔尼亚|Islamic Republic of Mauritania
MS|MSR|Montserrat|蒙特塞拉特
MT|MLT|Malta|马耳他|Republic of Malta
MU|MUS|Mauritius|毛里求斯|Republic of Mauritius
MV|MDV|Maldives|马尔代夫|Republic of Maldives
MW|MWI|Malawi|马拉维|Republic of Malawi
MX|MEX|Mexico|墨西哥|United Mexican States
MY|MYS|Malaysia|马来西亚
MZ|MOZ|Mozambique|莫桑比克|Republic of Mozambique
NA|NAM|Namibia|纳米比亚|Republic of Namibia
NC|NCL|New Caledonia|新喀里多尼亚
NE|NER|Niger|尼日尔|Republic of the Niger|尼日尔共和国
NF|NFK|Norfolk Island|诺福克岛
NG|NGA|Nigeria|尼日利亚|Federal Republic of Nigeria
NI|NIC|Nicaragua|尼加拉瓜|Republic of Nicaragua
NL|NLD|Netherlands|荷兰|Kingdom of the Netherlands|Holland|The Netherlands|Nederland
NO|NOR|Norway|挪威|Kingdom of Norway|Norge
NP|NPL|Nepal|尼泊尔|Federal Democratic Republic of Nepal
NR|NRU|Nauru|瑙鲁|Republic of Nauru
NU|NIU|Niue|纽埃
NZ|NZL|New Zealand|新西兰|Aotearoa|纽西兰
OM|OMN|Oman|阿曼|Sultanate of Oman
PA|PAN|Panama|巴拿马|Republic of Panama
PE|PER|Peru|秘鲁|Republic of Peru
PF|PYF|French Polynesia|法属波利尼西亚
PG|PNG|Papua New Guinea|巴布亚新几内亚|Independent State of Papua New Guinea|PNG|巴新
PH|PHL|Philippines|菲律宾|Republic of the Philippines|The Philippines
PK|PAK|Pakistan|巴基斯坦|Islamic Republic of Pakistan
PL|POL|Poland|波兰|Republic of Poland|Polska
PM|SPM|Saint Pierre and Miquelon|圣皮埃尔和密克隆群岛|St. Pierre & Miquelon
PN|PCN|Pitcairn|皮特凯恩群岛|Pitcairn Islands
PR|PRI|Puerto Rico|波多黎各
PS|PSE|Palestinian Territory, Occupied|巴勒斯坦|Palestine, State of|Palestinian Territories|the State of Palestine|Palestine|巴勒斯坦领土|巴勒斯坦国
PT|PRT|Portugal|葡萄牙|Portuguese Republic|葡国
PW|PLW|Palau|帕劳|Republic of Palau
PY|PRY|Paraguay|巴拉圭|Republic of Paraguay
QA|QAT|Qatar|卡塔尔|State of Qatar
RE|REU|Réunion|留尼汪|La Réunion
RO|ROU|Romania|罗马尼亚
RS|SRB|Serbia|塞尔维亚|Republic of Serbia
RU|RUS|Russian Federation|俄罗斯|Russia|俄国|俄罗斯联邦
RW|RWA|Rwanda|卢旺达|Rwandese Republic
SA|SAU|Saudi Arabia|沙特阿拉伯|Kingdom of Saudi Arabia|KSA|沙特
SB|SLB|Solomon Islands|所罗门群岛
SC|SYC|Seychelles|塞舌尔|Republic of Seychelles
SD|SDN|Sudan|苏丹|Republic of the Sudan
SE|SWE|Sweden|瑞典|Kingdom of Sweden|Sverige
SG|SGP|Singapore|新加坡|Republic of Singapore|新加坡共和国
SH|SHN|Saint Helena, Ascension and Tristan da Cunha|圣赫勒拿|St. Helena
SI|SVN|Slovenia|斯洛文尼亚|Republic of Slovenia|Slovenija
SJ|SJM|Svalbard and Jan Mayen|斯瓦尔巴和扬马延
SK|SVK|Slovakia|斯洛伐克|Slovak Republic|Slovak Rep.
SL|SLE|Sierra Leone|塞拉利昂|Republic of Sierra Leone
SM|SMR|San Marino|圣马力诺|Republic of San Marino
SN|SEN|Senegal|塞内加尔|Republic of Senegal
SO|SOM|Somalia|索马里|Federal Republic of Somalia
SR|SUR|Suriname|苏里南|Republic of Suriname
SS|SSD|South Sudan|南苏丹|Republic of South Sudan
ST|STP|Sao Tome and Principe|圣多美和普林西比|Democratic Republic of Sao Tome and Principe|Sao Tome
SV|SLV|El Salvador|萨尔瓦多|Republic of El Salvador|Salvador
SX|SXM|Sint Maarten (Dutch part)|荷属圣马丁|Sint Maarten
SY|SYR|Syria|叙利亚|Syrian Arab Republic
SZ|SWZ|Swaziland|斯威士兰|Eswatini|Kingdom of Eswatini|埃斯瓦蒂尼
TC|TCA|Turks and Caicos Islands|特克斯和凯科斯群岛
TD|TCD|Chad|乍得|Republic of Chad
TF|ATF|French Southern Territories|法属南部领地
TG|TGO|Togo|多哥|Togolese Republic
TH|THA|Thailand|泰国|Kingdom of Thailand
TJ|TJK|Tajikistan|塔吉克斯坦|Republic of Tajikistan
TK|TKL|Tokelau|托克劳
TL|TLS|Timor-Leste|东帝汶|Democratic Republic of Timor-Leste|East Timor
TM|TKM|Turkmenistan|土库曼斯坦
TN|TUN|Tunisia|突尼斯|Republic of Tunisia
TO|TON|Tonga|汤加|Kingdom of Tonga
TR|TUR|Turkey|土耳其|Republic of Türkiye|Türkiye|土耳其共和国
TT|TTO|Trinidad and Tobago|特立尼达和多巴哥|Republic of Trinidad and Tobago
TV|TUV|Tuvalu|图瓦卢
TW|TWN|Taiwan|中国台湾|Taiwan, Province of China|Chinese Taipei|Taipei, China|Taiwan, China|中华台北|中国台北|台湾
TZ|TZA|Tanzania|坦桑尼亚|Tanzania, United Republic of|United Republic of Tanzania|Tanzania, United Republic
UA|UKR|Ukraine|乌克兰|The Ukraine
UG|UGA|Uganda|乌干达|Republic of Uganda
UM|UMI|United States Minor Outlying Islands|美国本土外小岛屿|U.S. Outlying Islands
US|USA|United States|美国|United States of America|USA|U.S.|America|The United States|The United States of America|美利坚合众国
UY|URY|Uruguay|乌拉圭|Eastern Republic of Uruguay
UZ|UZB|Uzbekistan|乌兹别克斯坦|Republic of Uzbekistan|Uzbekistan Republic
VA|VAT|Holy See (Vatican City State)|梵蒂冈|Vatican City|Vatican|Holy See|梵蒂冈城国
VC|VCT|Saint Vincent and the Grenadines|圣文森特和格林纳丁斯|St. Vincent & Grenadines
VE|VEN|Venezuela, Bolivarian Republic of|委内瑞拉|Bolivarian Republic of Venezuela|Venezuela
VG|VGB|Virgin Islands, British|英属维尔京群岛|British Virgin Islands|BVI
VI|VIR|Virgin Islands, U.S.|美属维尔京群岛|U.S. Virgin Islands|Virgin Islands of the United States|USVI
VN|VNM|Vietnam|越南|Socialist Republic of Viet Nam|越南社会主义共和国
VU|VUT|Vanuatu|瓦努阿图|Republic of Vanuatu
WF|WLF|Wallis and Futuna|瓦利斯和富图纳
WS|WSM|Samoa|萨摩亚|Independent State of Samoa
YE|YEM|Yemen|也门|Republic of Yemen
YT|MYT|Mayotte|马约特
ZA|ZAF|South Africa|南非|Republic of South Africa|RSA
ZM|ZMB|Zambia|赞比亚|Republic of Zambia
ZW|ZWE|Zimbabwe|津巴布韦|Republic of Zimbabwe
"""
