"""What gunicorn serves: Frappe with its static files, always the site that IMTA_SITE names."""

import os

import frappe.app

frappe.app._site = os.environ["IMTA_SITE"]
application = frappe.app.application_with_statics()
