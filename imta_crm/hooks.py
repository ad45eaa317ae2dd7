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
has_permission = {}

# Documents of others
doc_events = {}

# Timeline
additional_timeline_content = {}

# Scheduler
scheduler_events = {}

# Website
website_route_rules = []

# Templates and PDFs
jinja = {"methods": []}

# Personal data
user_data_fields = []

# Fixtures
fixtures = []
