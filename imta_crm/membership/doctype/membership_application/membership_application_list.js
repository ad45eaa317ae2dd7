frappe.listview_settings["Membership Application"] = {
	add_fields: ["country", "tier", "source", "submitted_on"],
	// The indicator comes from the workflow; guests' applications stand out until somebody takes them on.
	formatters: {
		country: (value) => (value ? __(value) : ""),
		tier: (value) => (value ? __(value) : ""),
	},
	onload(list) {
		list.page.add_inner_button(__("Public Form"), () => window.open("/apply", "_blank", "noopener"));
	},
};
