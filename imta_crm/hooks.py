app_name = "imta_crm"
app_title = "IMTA CRM"
app_publisher = "IMTA CRM contributors"
app_description = "Member relationship management for an international membership alliance, on ERPNext"
app_email = "secretariat@imta.example"
app_license = "gpl-3.0"
# With its owner: Frappe looks a bare name up on GitHub and an offline install would fail.
required_apps = ["frappe/erpnext"]
export_python_type_annotations = True

# Installation
before_install = "imta_crm.install.before_install"
after_install = "imta_crm.install.after_install"
before_migrate = "imta_crm.install.before_migrate"
after_migrate = "imta_crm.install.after_migrate"
setup_wizard_complete = "imta_crm.install.after_setup_wizard"
before_uninstall = "imta_crm.uninstall.before_uninstall"
after_uninstall = "imta_crm.uninstall.after_uninstall"

# Desk
app_include_js = ["imta.bundle.js"]
app_include_css = ["imta.bundle.css"]
doctype_list_js = {"IMTA Member": "public/js/liaison/member_list.js"}
doctype_js = {
	"Contact": ["public/js/training/transcript.js"],
	"IMTA Member": [
		"public/js/member_card.js",
		"public/js/liaison/member_form.js",
		"public/js/activities/member_engagement.js",
		"public/js/training/transcript.js",
	],
	"Training Session": [
		"public/js/seating/pick_people.js",
		"public/js/seating/event_form.js",
		"public/js/seating/fees.js",
		"public/js/seating/check_in_button.js",
		"public/js/training/session_results.js",
	],
	"Alliance Activity": [
		"public/js/seating/pick_people.js",
		"public/js/seating/event_form.js",
		"public/js/seating/fees.js",
		"public/js/seating/check_in_button.js",
	],
	"Training Enrollment": [
		"public/js/seating/pick_people.js",
		"public/js/seating/booking_form.js",
		"public/js/training/enrollment_attendance.js",
	],
	"Activity Delegate": ["public/js/seating/pick_people.js", "public/js/seating/booking_form.js"],
}

# Permissions: one predicate per DocType, used for lists and for documents
permission_query_conditions = {
	"Contact": "imta_crm.membership.permissions.person_query",
	"Address": "imta_crm.membership.permissions.person_query",
	"Contact Email": "imta_crm.membership.permissions.person_rows_query",
	"Contact Phone": "imta_crm.membership.permissions.person_rows_query",
	"Dynamic Link": "imta_crm.membership.permissions.person_rows_query",
	"Liaison Contact": "imta_crm.liaison.permissions.contact_query",
	"Liaison Need": "imta_crm.liaison.permissions.contact_rows_query",
	"Liaison Person": "imta_crm.liaison.permissions.contact_rows_query",
	"Liaison Colleague": "imta_crm.liaison.permissions.contact_rows_query",
	"IMTA Member": "imta_crm.membership.permissions.member_query",
	"Member Status History": "imta_crm.membership.permissions.member_rows_query",
	"Member Tier History": "imta_crm.membership.permissions.member_rows_query",
	"Member Name": "imta_crm.membership.permissions.member_rows_query",
	"Member Language": "imta_crm.membership.permissions.member_rows_query",
	"Member Affiliate": "imta_crm.membership.permissions.by_member_query",
	"Membership Change": "imta_crm.membership.permissions.by_member_query",
	"Dues Reminder Log": "imta_crm.membership.permissions.by_member_query",
	"Dues Charge": "imta_crm.membership.permissions.by_member_query",
	"Free Seat": "imta_crm.membership.permissions.by_member_query",
	"Invitation Campaign": "imta_crm.invitations.permissions.campaign_query",
	"Invitation Campaign Step": "imta_crm.invitations.permissions.campaign_rows_query",
	"Invitation Campaign Target": "imta_crm.invitations.permissions.campaign_rows_query",
	"Invitation": "imta_crm.invitations.permissions.invitation_query",
	"Invitation Touch": "imta_crm.invitations.permissions.touch_query",
	"Prospect Import": "imta_crm.invitations.permissions.import_query",
	"Prospect Import Row": "imta_crm.invitations.permissions.import_rows_query",
	"Activity Delegate": "imta_crm.seating.permissions.member_query",
	"Training Enrollment": "imta_crm.seating.permissions.member_query",
	"Training Certificate": "imta_crm.seating.permissions.member_query",
	"Session Feedback": "imta_crm.training.permissions.feedback_query",
	"Seat Notice": "imta_crm.seating.permissions.notice_query",
}
has_permission = {
	"Contact": "imta_crm.membership.permissions.person_has_permission",
	"Address": "imta_crm.membership.permissions.person_has_permission",
	"Liaison Contact": "imta_crm.liaison.permissions.contact_has_permission",
	"IMTA Member": "imta_crm.membership.permissions.member_has_permission",
	"Member Affiliate": "imta_crm.membership.permissions.by_member_has_permission",
	"Membership Change": "imta_crm.membership.permissions.by_member_has_permission",
	"Dues Reminder Log": "imta_crm.membership.permissions.by_member_has_permission",
	"Dues Charge": "imta_crm.membership.permissions.by_member_has_permission",
	"Free Seat": "imta_crm.membership.permissions.by_member_has_permission",
	"Membership Application": "imta_crm.membership.doctype.membership_application.membership_application.has_permission",
	"Invitation Campaign": "imta_crm.invitations.permissions.campaign_has_permission",
	"Invitation": "imta_crm.invitations.permissions.invitation_has_permission",
	"Invitation Touch": "imta_crm.invitations.permissions.touch_has_permission",
	"Prospect Import": "imta_crm.invitations.permissions.import_has_permission",
	"Activity Delegate": "imta_crm.seating.permissions.member_has_permission",
	"Training Enrollment": "imta_crm.seating.permissions.member_has_permission",
	"Training Certificate": "imta_crm.seating.permissions.member_has_permission",
	"Session Feedback": "imta_crm.training.permissions.feedback_has_permission",
	"Seat Notice": "imta_crm.seating.permissions.notice_has_permission",
}

override_whitelisted_methods = {
	"frappe.client.get_count": "imta_crm.membership.permissions.get_count",
	"frappe.desk.search.get_link_title": "imta_crm.membership.permissions.get_link_title",
	"frappe.desk.search.search_link": "imta_crm.membership.permissions.search_link",
	"frappe.desk.search.search_widget": "imta_crm.membership.permissions.search_widget",
	"frappe.utils.global_search.search": "imta_crm.membership.permissions.search_globally",
}

# Documents of others
doc_events = {
	"ToDo": {
		"on_update": [
			"imta_crm.liaison.next_steps.follow_todo",
			"imta_crm.invitations.tasks.follow_todo",
		],
		"on_trash": [
			"imta_crm.liaison.next_steps.forget_todo",
			"imta_crm.invitations.tasks.forget_todo",
		],
	},
	"Communication": {
		"after_insert": [
			"imta_crm.seating.bounces.receive",
			"imta_crm.invitations.inbound.receive",
		],
	},
	"Document Follow": {
		"before_insert": "imta_crm.liaison.permissions.refuse_blind_follow",
	},
	"Membership Application": {
		"on_update": [
			"imta_crm.dues.admission.on_application",
			"imta_crm.invitations.conversion.follow_application",
		],
		"on_trash": "imta_crm.invitations.conversion.release_invitation",
	},
	"IMTA Member": {
		"onload": [
			"imta_crm.liaison.contacts.show_on_member",
			"imta_crm.activities.engagement.show_on_member",
		],
		"after_insert": "imta_crm.invitations.conversion.follow_member",
		"on_update": [
			"imta_crm.liaison.next_steps.hand_over",
			"imta_crm.invitations.conversion.follow_member",
		],
	},
	"Customer": {
		"validate": "imta_crm.erp.customers.guard_member_link",
		"on_trash": "imta_crm.erp.customers.guard_trash",
	},
	"Contact": {
		"on_update": "imta_crm.membership.affiliates.follow_contact",
	},
	"Personal Data Deletion Request": {
		"on_update": [
			"imta_crm.membership.personal_data.after_redaction",
			"imta_crm.invitations.personal_data.after_redaction",
			"imta_crm.training.personal_data.after_redaction",
		],
	},
	"Workflow": {
		"before_import": "imta_crm.workflows.keep_own_workflow",
	},
	"Sales Invoice": {
		"validate": [
			"imta_crm.dues.sales_invoice.validate",
			"imta_crm.seating.sales_invoice.validate",
		],
		"on_submit": [
			"imta_crm.dues.sales_invoice.on_submit",
			"imta_crm.seating.sales_invoice.on_submit",
			"imta_crm.dues.standing.after_ledger_change",
		],
		"before_cancel": [
			"imta_crm.dues.sales_invoice.before_cancel",
			"imta_crm.seating.sales_invoice.before_cancel",
		],
		"on_cancel": [
			"imta_crm.dues.sales_invoice.on_cancel",
			"imta_crm.seating.sales_invoice.on_cancel",
			"imta_crm.dues.standing.after_ledger_change",
		],
		"on_trash": [
			"imta_crm.dues.sales_invoice.on_trash",
			"imta_crm.seating.sales_invoice.on_trash",
		],
	},
	"Payment Entry": {
		"on_submit": "imta_crm.dues.standing.after_ledger_change",
		"on_cancel": "imta_crm.dues.standing.after_ledger_change",
	},
	"Journal Entry": {
		"on_submit": "imta_crm.dues.standing.after_ledger_change",
		"on_cancel": "imta_crm.dues.standing.after_ledger_change",
	},
}

# Timeline
additional_timeline_content = {
	"IMTA Member": [
		"imta_crm.liaison.timeline.get_timeline_content",
		"imta_crm.activities.timeline.get_timeline_content",
	]
}

# Answers to invitations, by the kind of document that people are invited to
activity_replies = {"Alliance Activity": ["imta_crm.activities.campaign.follow_reply"]}

# Mail: whatever job or request may send some
before_job = ["imta_crm.invitations.mail_headers.register"]
before_request = ["imta_crm.invitations.mail_headers.register"]

# Scheduler
scheduler_events = {
	"cron": {
		"*/5 * * * *": [
			"imta_crm.membership.doctype.roster_import.roster_import.resume_stalled",
			"imta_crm.dues.runner.resume_stalled",
			"imta_crm.invitations.doctype.prospect_import.prospect_import.resume_stalled",
			"imta_crm.invitations.sending.enqueue_due",
			"imta_crm.invitations.campaigns.advance",
			"imta_crm.seating.offers.advance_all",
			"imta_crm.seating.event.catch_up",
			"imta_crm.seating.notices.remind_due",
			"imta_crm.seating.notices.send_due",
		],
		"*/15 * * * *": [
			"imta_crm.training.completion.complete_due",
		],
	},
	"hourly": [
		"imta_crm.activities.campaign.catch_up",
		"imta_crm.activities.results.settle_due",
		"imta_crm.invitations.inbound.catch_up",
	],
	"hourly_long": [
		"imta_crm.seating.billing.invoice_due",
	],
	"daily_long": [
		"imta_crm.membership.changes.apply_due_changes",
		"imta_crm.dues.admission.catch_up",
		"imta_crm.dues.standing.update_statuses",
		"imta_crm.dues.reminders.send_due",
	],
}

# Website
website_route_rules = [
	{"from_route": "/member-card/<token>", "to_route": "member-card"},
]

role_home_page = {"Alliance Member": "training"}

page_renderer = [
	"imta_crm.portal.guest.InvitationPage",
	"imta_crm.portal.guest.SeatPage",
	"imta_crm.portal.guest.FeedbackPage",
	"imta_crm.portal.guest.CertificatePage",
	"imta_crm.portal.guest.RegisterPage",
	"imta_crm.portal.member.TrainingPage",
	"imta_crm.portal.member.MyTrainingPage",
]

# Templates and PDFs
jinja = {
	"methods": [
		"imta_crm.dues.notice.dues_notice",
		"imta_crm.membership.card.membership_card",
		"imta_crm.activities.badges.delegate_badge",
		"imta_crm.training.certificates.training_certificate",
		"imta_crm.training.transcript.training_transcript",
	]
}

# Personal data
user_data_fields = [
	{
		"doctype": "IMTA Member",
		"filter_by": "personal_email",
		"redact_fields": ["member_name", "member_name_local", "email", "phone"],
	},
	{"doctype": "IMTA Member", "filter_by": "email", "partial": True},
	{"doctype": "Member Affiliate", "filter_by": "email", "redact_fields": ["contact_name"]},
	{"doctype": "Membership Change", "strict": True},
	{
		"doctype": "Membership Application",
		"filter_by": "personal_email",
		"redact_fields": [
			"applicant_name",
			"applicant_name_local",
			"name_folded",
			"address_line1",
			"website",
			"motivation",
		],
	},
	{
		"doctype": "Membership Application",
		"filter_by": "email",
		"redact_fields": ["contact_first_name", "contact_last_name", "contact_position", "phone"],
	},
	{
		"doctype": "Invitation",
		"filter_by": "email_folded",
		"redact_fields": ["email", "contact_first_name", "contact_last_name", "contact_position", "phone"],
	},
	{"doctype": "Invitation Touch", "filter_by": "email", "redact_fields": ["subject", "problem"]},
	{"doctype": "Do Not Invite", "filter_by": "email", "partial": True},
	{"doctype": "Seat Notice", "filter_by": "email", "redact_fields": ["subject", "problem"]},
	{
		"doctype": "Training Enrollment",
		"filter_by": "email_folded",
		"redact_fields": ["participant_name", "participant_name_local", "email", "remarks"],
	},
	{
		"doctype": "Activity Delegate",
		"filter_by": "email_folded",
		"redact_fields": ["participant_name", "participant_name_local", "email", "remarks", "contribution"],
	},
	{
		"doctype": "Training Certificate",
		"filter_by": "user",
		"redact_fields": ["holder_name", "holder_name_local"],
	},
	{"doctype": "Session Feedback", "filter_by": "owner", "redact_fields": ["liked", "improve"]},
]

# Fixtures
# Written anew on every migrate. States and actions that Frappe ships itself (Approved, Rejected, Approve,
# Reject) are left to it; see keep_own_workflow for a site that wants other steps.
fixtures = [
	{
		"dt": "Workflow",
		"filters": [
			[
				"name",
				"in",
				["Membership Application", "Invitation Campaign", "Training Enrollment", "Activity Delegate"],
			]
		],
	},
	{
		"dt": "Workflow State",
		"filters": [
			[
				"name",
				"in",
				[
					"Draft",
					"Submitted",
					"Secretariat Check",
					"Council Review",
					"Pending Approval",
					"Running",
					"Paused",
					"Completed",
					"Cancelled",
					"Requested",
					"Confirmed",
					"Waitlisted",
					"Offered",
					"Attended",
					"No-show",
				],
			]
		],
	},
	{
		"dt": "Workflow Action Master",
		"filters": [
			[
				"name",
				"in",
				[
					"Submit",
					"Begin Check",
					"Return for Correction",
					"Send to Council",
					"Submit for Approval",
					"Start",
					"Pause",
					"Resume",
					"Complete",
					"Cancel Campaign",
					"Refuse",
					"Mark Attended",
					"Mark No-show",
					"Undo Attendance",
					"Accept Offer",
					"Cancel Enrolment",
					"Cancel Registration",
				],
			]
		],
	},
]
