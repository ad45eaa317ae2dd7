frappe.listview_settings["Membership Application"] = {
	add_fields: ["country", "tier", "source", "submitted_on"],
	// The indicator comes from the workflow; guests' applications stand out until somebody takes them on.
	hide_name_column: true,
	formatters: {
		submitted_on: (value) => (value ? frappe.datetime.str_to_user(value).split(" ")[0] : ""),
		country: (value) => (value ? __(value) : ""),
		tier: (value) => (value ? __(value) : ""),
	},
	onload(list) {
		list.page.add_inner_button(__("Public Form"), () => window.open("/apply", "_blank", "noopener"));
	},
};
