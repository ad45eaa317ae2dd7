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
app_include_js = []
doctype_js = {}

# Permissions: one predicate per DocType, used for lists and for documents
permission_query_conditions = {}
has_permission = {
	"Membership Application": "imta_crm.membership.doctype.membership_application.membership_application.has_permission",
}

# Documents of others
doc_events = {
	"Workflow": {
		"before_import": "imta_crm.membership.doctype.membership_application.membership_application.keep_own_workflow",
	},
	"Sales Invoice": {
		"validate": "imta_crm.dues.sales_invoice.validate",
		"on_submit": [
			"imta_crm.dues.sales_invoice.on_submit",
			"imta_crm.dues.standing.after_ledger_change",
		],
		"before_cancel": "imta_crm.dues.sales_invoice.before_cancel",
		"on_cancel": [
			"imta_crm.dues.sales_invoice.on_cancel",
			"imta_crm.dues.standing.after_ledger_change",
		],
		"on_trash": "imta_crm.dues.sales_invoice.on_trash",
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
additional_timeline_content = {}

# Scheduler
scheduler_events = {
	"daily_long": [
		"imta_crm.dues.standing.update_statuses",
		"imta_crm.dues.reminders.send_due",
	],
}

# Website
website_route_rules = [
	{"from_route": "/member-card/<token>", "to_route": "member-card"},
]

# Templates and PDFs
jinja = {"methods": ["imta_crm.dues.notice.dues_notice", "imta_crm.membership.card.membership_card"]}

# Personal data
user_data_fields = []

# Fixtures
# Written anew on every migrate. States and actions that Frappe ships itself (Approved, Rejected, Approve,
# Reject) are left to it; see keep_own_workflow for a site that wants other steps.
fixtures = [
	{"dt": "Workflow", "filters": [["name", "=", "Membership Application"]]},
	{
		"dt": "Workflow State",
		"filters": [["name", "in", ["Draft", "Submitted", "Secretariat Check", "Council Review"]]],
	},
	{
		"dt": "Workflow Action Master",
		"filters": [["name", "in", ["Submit", "Begin Check", "Return for Correction", "Send to Council"]]],
	},
]
