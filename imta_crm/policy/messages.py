"""Every sentence that the rules say, by code, in English and Chinese.

`{0}`, `{1}` … are the values that come with the code, in order. The desk may look up its own translation of
the English template or take the Chinese one from here; the launcher has only these.
"""

from __future__ import annotations

from collections.abc import Sequence

TEXTS: dict[str, tuple[str, str]] = {
	# Dues: charged
	"charge_whole": ("{0}, whole period", "{0}，全期"),
	"charge_part": ("{0}, from {1} to {2} ({3} of {4})", "{0}，{1} 至 {2}（{3}/{4}）"),
	"credit": ("Credit for the change to {0}, from {1} to {2}", "变更为{0}的减免，{1} 至 {2}"),
	# Dues: not charged
	"not_yet_due": ("Not due before {0}", "{0} 之前尚未到期"),
	"exempt_tier": ("{0} members are exempt", "{0}免缴会费"),
	"exempt_status": ("{0} members are exempt", "{0}免缴会费"),
	"applicant": ("Not admitted yet", "尚未批准入会"),
	"not_a_member": ("Not a member ({0})", "非会员（{0}）"),
	"suspended": (
		"Suspended when the dues fell due on {0}; charged on return",
		"{0} 应缴时处于暂停状态，恢复后计收",
	),
	"left_before": ("Left on {0}, before the period", "{0} 已退会，早于本期"),
	"joined_after": ("Joined on {0}, after the period", "{0} 入会，晚于本期"),
	"gap": ("No member in this period; returned on {0}", "本期内非会员，{0} 恢复"),
	"no_rate": ("No rate from {1} to {0} in dues year {2}", "{2} 年度未设定 {1} 兑 {0} 的汇率"),
	"no_tier": ("The member has no tier", "该会员没有会员类别"),
	"no_tier_dues": ("The dues year has no amount for tier {0}", "本年度未设定“{0}”的会费标准"),
	"no_join_date": ("The date of admission is missing", "缺少入会日期"),
	"nothing_to_charge": ("Nothing to charge for {0}", "{0}无需计收"),
	"downgrade_next_period": ("The change to {0} counts from the next period", "变更为{0}自下一期起生效"),
	"change_after_period": (
		"The change takes effect on {0}, after the period",
		"变更自 {0} 起生效，晚于本期",
	),
	"change_in_annual": ("The charge for the period is for {0} already", "本期会费已按{0}计收"),
	# Standing
	"standing_good": ("Nothing is overdue", "无逾期款项"),
	"standing_in_arrears": ("Dues are overdue", "会费逾期"),
	"standing_suspended": ("Suspended because dues are long overdue", "因会费长期逾期而暂停"),
	"standing_decision": ("Suspended by decision; payment does not lift it", "经决定暂停，付款不会自动恢复"),
	"standing_not_assessed": ("This status does not depend on dues", "该状态与会费无关"),
	# Changes of membership
	"change_unknown": ("{0} is not a kind of change", "“{0}”不是有效的变更类型"),
	"change_forbidden": ("{0} is not possible for a member who is {1}", "状态为“{1}”的会员不能办理“{0}”"),
	"change_needs_tier": ("{0} needs the new tier", "办理“{0}”须填写新的会员类别"),
	"change_same_tier": ("The member is in tier {0} already", "该会员已属于“{0}”"),
	"change_wrong_rank": ("{0} does not lead from {1} to {2}", "“{0}”不能由“{1}”变为“{2}”"),
	"change_before_latest": (
		"{0} lies before the latest recorded change, which counts from {1}",
		"{0} 早于最近一次已记录的变更（自 {1} 起生效）",
	),
	# Dates
	"date_unreadable": ("“{0}” is not a date; write 2018-04-03", "“{0}”不是日期，请写成 2018-04-03"),
	"date_impossible": ("There is no such date as “{0}”", "日期“{0}”不存在"),
	"date_ambiguous": (
		"“{0}” can be {1} or {2}; write it with the year first",
		"“{0}”可以理解为 {1} 或 {2}，请先写年份",
	),
	"date_serial": (
		"“{0}” is a spreadsheet's day number, not a date; format the column as date and save again",
		"“{0}”是电子表格的日期序号，请将该列设为日期格式后重新保存",
	),
	# Roster: the file
	"file_empty": ("The file is empty", "文件为空"),
	"file_too_large": ("The file is larger than {0} MB", "文件超过 {0} MB"),
	"file_not_text": (
		"This is not a text file (CSV); save the spreadsheet as CSV first",
		"这不是文本文件（CSV），请先将表格另存为 CSV",
	),
	"file_encoding": (
		"The characters of the file cannot be read; save it as CSV UTF-8",
		"无法识别文件的字符编码，请另存为 CSV UTF-8",
	),
	"file_quotes": ("A quotation mark that opens in row {0} is never closed", "第 {0} 行的引号没有闭合"),
	"too_many_rows": ("The file has more than {0} rows", "文件超过 {0} 行"),
	"too_many_columns": ("The file has more than {0} columns", "文件超过 {0} 列"),
	"heading_missing": ("The column “{0}” is missing; found: {1}", "缺少“{0}”列；现有：{1}"),
	"heading_twice": ("The column “{0}” is there twice", "“{0}”列重复出现"),
	"no_rows": ("The file has headings but no rows", "文件只有标题行，没有数据"),
	# Roster: the rows
	"row_short": (
		"The row has {0} cells, the heading has {1}; nothing of it is read",
		"该行有 {0} 个单元格，标题行有 {1} 个；整行未读取",
	),
	"row_long": (
		"The row has {0} cells, the heading has {1}; put text with a comma in quotation marks",
		"该行有 {0} 个单元格，标题行有 {1} 个；含逗号的文字请加引号",
	),
	"name_missing": ("The name is missing", "缺少名称"),
	"country_missing": ("The country or region is missing", "缺少国家/地区"),
	"country_unknown": ("“{0}” is not a known country or region", "无法识别国家/地区“{0}”"),
	"country_ambiguous": ("“{0}” can be {1}; write the full name", "“{0}”可能是 {1}，请写全称"),
	"tier_missing": ("The membership category is missing", "缺少会员类别"),
	"tier_unknown": ("“{0}” is not a membership category; known: {1}", "没有“{0}”这一会员类别；现有：{1}"),
	"joined_missing": ("The date of joining is missing", "缺少入会日期"),
	"joined_future": ("The date of joining, {0}, lies in the future", "入会日期 {0} 在未来"),
	"email_bad": ("“{0}” is not an e-mail address", "“{0}”不是电子邮件地址"),
	"email_many": ("More than one e-mail address: {0}; keep one", "有多个电子邮件地址：{0}；请只保留一个"),
	"currency_unknown": (
		"The alliance does not invoice in {0}; possible: {1}",
		"联盟不以 {0} 开具发票；可选：{1}",
	),
	"language_unknown": (
		"“{0}” is not a language; write a code such as en or zh",
		"无法识别语言“{0}”，请写 en 或 zh 等代码",
	),
	"member_type_unknown": ("“{0}” is neither organisation nor individual", "“{0}”既不是机构也不是个人"),
	"member_type_wrong": ("Tier {1} is not for members of type {0}", "“{1}”类别不适用于“{0}”"),
	"yes_no_unknown": ("“{0}” is neither yes nor no", "“{0}”既不是“是”也不是“否”"),
	"too_long": ("{0} characters; at most {1} fit", "共 {0} 个字符，最多 {1} 个"),
	"formula": (
		"The cell begins like a formula and is refused; remove the first character if it is text",
		"单元格以公式形式开头，已拒绝；如为文字请删除首字符",
	),
	"control_character": ("The cell holds a control character (code {0})", "单元格含有控制字符（代码 {0}）"),
	"duplicate_in_file": (
		"The same name and country as in row {0} ({1})",
		"与第 {0} 行名称和国家/地区相同（{1}）",
	),
	# Invitations: who is not invited, or not without a decision
	"same_address_member": ("A member already: {0} has the address {1}", "已是会员：{0} 使用邮箱 {1}"),
	"same_name_member": ("A member already: {0}", "已是会员：{0}"),
	"like_name_member": ("Perhaps a member already: {0}", "可能已是会员：{0}"),
	"like_domain_member": ("Perhaps a member already: {0}, also at {1}", "可能已是会员：{0}，同为 {1} 域名"),
	"like_name_former_member": ("Perhaps a former member: {0}", "可能是前会员：{0}"),
	"like_domain_former_member": (
		"Perhaps a former member: {0}, also at {1}",
		"可能是前会员：{0}，同为 {1} 域名",
	),
	"same_address_application": (
		"Has applied already: {0} has the address {1}",
		"已提交入会申请：{0} 使用邮箱 {1}",
	),
	"same_name_application": ("Has applied already: {0}", "已提交入会申请：{0}"),
	"like_name_application": ("Perhaps has applied already: {0}", "可能已提交入会申请：{0}"),
	"like_domain_application": (
		"Perhaps has applied already: {0}, also at {1}",
		"可能已提交入会申请：{0}，同为 {1} 域名",
	),
	"same_address_invitation": (
		"In another running campaign: {0} has the address {1}",
		"已在另一进行中的邀请活动中：{0} 使用邮箱 {1}",
	),
	"same_name_invitation": ("In another running campaign: {0}", "已在另一进行中的邀请活动中：{0}"),
	"like_name_invitation": (
		"Perhaps in another running campaign: {0}",
		"可能已在另一进行中的邀请活动中：{0}",
	),
	"like_domain_invitation": (
		"Perhaps in another running campaign: {0}, also at {1}",
		"可能已在另一进行中的邀请活动中：{0}，同为 {1} 域名",
	),
	"same_address_recently_invited": (
		"Invited not long ago: {0} has the address {1}",
		"近期已邀请过：{0} 使用邮箱 {1}",
	),
	"same_name_recently_invited": ("Invited not long ago: {0}", "近期已邀请过：{0}"),
	"like_name_recently_invited": ("Perhaps invited not long ago: {0}", "可能近期已邀请过：{0}"),
	"like_domain_recently_invited": (
		"Perhaps invited not long ago: {0}, also at {1}",
		"可能近期已邀请过：{0}，同为 {1} 域名",
	),
	"same_address_batch": ("The same address ({1}) as {0} in this list", "与本名单中的 {0} 邮箱相同（{1}）"),
	"same_name_batch": (
		"The same name and country as {0} in this list",
		"与本名单中的 {0} 名称和国家/地区相同",
	),
	"like_name_batch": ("Perhaps the same as {0} in this list", "可能与本名单中的 {0} 为同一方"),
	"like_domain_batch": (
		"Perhaps the same as {0} in this list, also at {1}",
		"可能与本名单中的 {0} 为同一方，同为 {1} 域名",
	),
	"same_address_same_campaign": ("In this campaign already: {0}", "已在本邀请活动中：{0}"),
	"same_name_same_campaign": ("In this campaign already: {0}", "已在本邀请活动中：{0}"),
	"like_name_same_campaign": ("Perhaps in this campaign already: {0}", "可能已在本邀请活动中：{0}"),
	"like_domain_same_campaign": (
		"Perhaps in this campaign already: {0}, also at {1}",
		"可能已在本邀请活动中：{0}，同为 {1} 域名",
	),
	"like_name_lead": ("Perhaps the same as the lead {0}", "可能与线索 {0} 为同一方"),
	"like_domain_lead": (
		"Perhaps the same as the lead {0}, also at {1}",
		"可能与线索 {0} 为同一方，同为 {1} 域名",
	),
	"same_address_do_not_invite": ("On the do-not-invite list: {1}", "已列入勿扰名单：{1}"),
	"same_domain_do_not_invite": ("On the do-not-invite list: all of {1}", "已列入勿扰名单：{1} 的全部邮箱"),
	"same_name_do_not_invite": ("On the do-not-invite list: {0}", "已列入勿扰名单：{0}"),
	"like_name_do_not_invite": ("Perhaps on the do-not-invite list: {0}", "可能已列入勿扰名单：{0}"),
	"same_address_opted_out": ("Does not wish to be written to: {1}", "已表示不愿接收邮件：{1}"),
	# Invitations: replies
	"reply_unknown": ("“{0}” is not a reply", "“{0}”不是有效的回复"),
	"reply_not_offered": ("“{0}” is no answer to this invitation", "“{0}”不是对此邀请的有效回复"),
	"reply_settled": ("This invitation is closed ({0})", "该邀请已办结（{0}）"),
	"reply_held": (
		"Decide first whether this prospect is a duplicate",
		"请先确认该潜在会员是否重复",
	),
	"reply_after_do_not_write": (
		"The person asked not to be written to again",
		"对方已要求不再来信",
	),
	# Invitations: hours
	"hours_reversed": (
		"Working hours must end after they begin ({0} to {1})",
		"工作时间的结束须晚于开始（{0} 至 {1}）",
	),
	"zone_unknown": ("“{0}” is not a time zone", "“{0}”不是有效的时区"),
	"never_open": ("The holidays leave no working day ({0})", "假期设置未留下任何工作日（{0}）"),
	# Prospects: the rows
	"website_bad": ("“{0}” is not a web address", "“{0}”不是网址"),
	"phone_bad": ("“{0}” is not a phone number", "“{0}”不是电话号码"),
	"officer_unknown": ("“{0}” is not a liaison officer", "“{0}”不是联络专员"),
	"zone_unreadable": (
		"“{0}” is not a time zone; write Asia/Shanghai",
		"“{0}”不是时区，请写成 Asia/Shanghai",
	),
	"already_member": ("A member already: {0}", "已是会员：{0}"),
	# Training: who may enrol
	"training_disabled": ("This program is not offered any more", "该培训项目已停办"),
	"training_tier": (
		"This program is not for members of this tier",
		"该培训项目不面向此会员类别",
	),
	"training_guests": ("This program is for members only", "该培训项目仅限会员参加"),
	"training_staff": (
		"This program is not open to the secretariat’s staff",
		"该培训项目不面向秘书处工作人员",
	),
	"training_prerequisite": ("“{0}” must be completed first", "须先完成“{0}”"),
	"training_certificate": (
		"A valid certificate of “{0}” is needed",
		"须持有“{0}”的有效证书",
	),
	# Activities: who may take part
	"activity_members_only": ("This activity is for members only", "本活动仅限会员参加"),
	"activity_invited_only": (
		"This activity is for members and invited guests",
		"本活动仅限会员和受邀来宾参加",
	),
	"activity_tier": (
		"This activity is not for members of your tier",
		"本活动不面向您所属的会员类别",
	),
	"activity_staff": (
		"This activity is not open to the secretariat’s staff",
		"本活动不面向秘书处工作人员",
	),
	"activity_role": (
		"Speakers and exhibitors are chosen by the secretariat",
		"演讲嘉宾和参展商由秘书处确定",
	),
	# Activities: the programme
	"programme_order": ("Row {0}: it ends before it begins", "第 {0} 行：结束时间早于开始时间"),
	"programme_outside": (
		"Row {0}: it is not within the activity’s dates",
		"第 {0} 行：不在活动时间之内",
	),
	"programme_room": (
		"Row {0}: the room is taken by another item at that time",
		"第 {0} 行：该时段场地已被其他日程占用",
	),
	# Attendance: reports of online meetings
	"report_no_table": (
		"No table of participants was found: a column with names, and one with times or durations",
		"未找到参会者列表：需有姓名列以及时间列或时长列",
	),
	"report_no_name": ("The row names nobody", "该行没有姓名"),
	"report_no_time": ("The row has neither times nor a duration", "该行既无时间也无时长"),
	"report_time_unreadable": ("“{0}” is not a time", "“{0}”不是有效的时间"),
	"report_ends_before": ("Left at {1}, before joining at {0}", "离开时间 {1} 早于加入时间 {0}"),
	"attendee_by_email": ("The same e-mail address", "邮箱相同"),
	"attendee_by_name": ("The same name", "姓名相同"),
	"attendee_other_email": ("The same name, but another e-mail address", "姓名相同，但邮箱不同"),
	"attendee_shared_email": ("Several people have this e-mail address", "多人使用同一邮箱"),
	"attendee_namesakes": ("Several people have this name", "有多人同名"),
	"attendee_similar": ("A similar name", "姓名相似"),
	"attendee_unknown": ("Nobody of this name or address is enrolled", "报名名单中没有此姓名或邮箱"),
	# Seats
	"seat_no_email": ("The e-mail address of {0} is missing", "缺少{0}的邮箱"),
	"seat_event_not_open": ("Enrolment is not possible ({0})", "无法报名（{0}）"),
	"seat_not_yet_open": ("Enrolment opens at {0}", "报名将于 {0} 开始"),
	"seat_closed": ("Enrolment is closed", "报名已截止"),
	"seat_event_over": ("It is over", "活动已结束"),
	"seat_limit_reached": ("{0} may send {1} people, and no more", "{0}最多可派 {1} 人参加，名额已满"),
	"seat_double_booked": ("{0} has a seat at the same time: {1}", "{0}在同一时间已有席位：{1}"),
	"seat_none_left": ("There is no free seat", "已无空余席位"),
	"seat_waitlist_full": ("There is no free seat, and the waitlist is full", "席位已满，候补名单也已满"),
	"seat_not_offered": ("No seat is offered", "目前没有待确认的递补席位"),
	"seat_offer_over": ("The offer is over", "递补席位已过确认期限"),
	"seat_cancelled": ("The enrolment has been cancelled", "该报名已取消"),
	"seat_decided": ("The request has been decided already", "该申请已处理"),
	"seat_used": ("A seat that is {0} cannot be given back", "状态为“{0}”的席位不能取消"),
	"seat_cancel_too_late": ("It could be cancelled or transferred until {0}", "取消或转让的截止时间为 {0}"),
	"seat_not_confirmed": (
		"Only a confirmed seat can be handed over ({0})",
		"只有已确认的席位才能转让（{0}）",
	),
	"seat_other_organisation": ("{0} belongs to another organisation", "{0}不属于同一机构"),
	"seat_has_one": ("{0} has a seat already", "{0}已有席位"),
}


def template(code: str, lang: str = "en") -> str:
	"""The sentence with its places for values; the code itself where no sentence is known."""
	english, chinese = TEXTS.get(code, (code, code))
	return chinese if lang.lower().startswith("zh") else english


def text(code: str, values: Sequence[object] = (), lang: str = "en") -> str:
	"""The sentence with its values filled in."""
	return template(code, lang).format(*values)
