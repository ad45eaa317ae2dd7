"""The public form "Apply for Membership" at /apply, in Chinese and in English."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.membership.doctype.membership_application.mails import alliance_names
from imta_crm.portal import intake

#: The form's own texts. They stand here because Frappe's collector of translatable texts does not read web
#: forms, and because its Chinese for "Position" is a place on the map.
CHINESE = {
	"title": "申请入会",
	"button_label": "提交申请",
	"success_title": "感谢您的申请",
	"meta_title": "申请入会",
	"applicant_section": "申请人",
	"applicant_type": "申请人类型",
	"applicant_name": "英文名称",
	"applicant_name_local": "中文或本国文字名称",
	"country": "国家/地区",
	"tier": "会员类别",
	"sector": "领域",
	"contact_section": "联系人",
	"contact_first_name": "名",
	"contact_last_name": "姓",
	"contact_position": "职务",
	"preferred_language": "联络语言",
	"email": "电子邮箱",
	"phone": "电话",
	"website": "网站",
	"address_section": "地址",
	"address_line1": "街道与门牌号",
	"city": "城市",
	"postal_code": "邮政编码",
	"motivation_section": "申请说明",
	"motivation": "您为何希望加入？能为联盟带来什么？",
	"consent": "我同意秘书处为审议申请和管理会员事务保存以上信息",
}
CHINESE_DESCRIPTIONS = {"preferred_language": "我们将以此语言与您联系"}


def get_context(context: Document) -> None:
	"""Fill what depends on the language and on the masters; a guest sees only what can be chosen."""
	chinese = frappe.local.lang.startswith("zh")
	language = "zh" if chinese else "en"
	choices = {
		"country": _choices("Country"),
		"sector": _choices("Market Segment"),
		"preferred_language": [{"value": "zh", "label": "中文"}, {"value": "en", "label": "English"}],
		"tier": [
			{
				"value": row["value"],
				"label": (row["tier_name_zh"] if chinese else None) or _(row["value"]),
				"for": row["member_type"],
			}
			for row in intake.open_tiers()
		],
	}
	for field in context.web_form_doc.web_form_fields:
		if field.fieldname in choices:
			field.options = choices[field.fieldname]
		if field.fieldname == "preferred_language":
			field.default = language
		if chinese:
			field.label = CHINESE.get(field.fieldname, field.label)
			field.description = CHINESE_DESCRIPTIONS.get(field.fieldname, field.description)
	if chinese:
		for text in ("title", "button_label", "success_title", "meta_title"):
			context[text] = context.web_form_doc[text] = CHINESE[text]
	names = alliance_names(language)
	settings = frappe.get_cached_doc("Alliance Settings")
	introduction = settings.application_intro_zh if chinese else settings.application_intro
	values = {
		"chinese": chinese,
		"alliance": names["alliance"],
		"secretariat_email": names["secretariat_email"],
		"introduction": introduction,
		"trap": intake.TRAP,
	}
	context.introduction_text = frappe.render_template("imta_crm/templates/includes/apply_intro.html", values)
	context.success_message = frappe.render_template("imta_crm/templates/includes/apply_thanks.html", values)
	context.trap = intake.TRAP
	context.no_cache = 1


def _choices(doctype: str) -> list[dict]:
	rows = [{"value": name, "label": _(name)} for name in frappe.get_all(doctype, pluck="name")]
	return sorted(rows, key=lambda row: row["label"])
