frappe.listview_settings["Alliance Activity"] = {
	add_fields: ["status", "starts_at", "time_zone", "kind"],
	hide_name_column: true,

	formatters: {
		kind: (value) => frappe.utils.escape_html(__(value, null, "Alliance Activity")),
	},

	get_indicator: (doc) => imta.event_indicator("Alliance Activity")(doc),
};
