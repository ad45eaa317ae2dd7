frappe.listview_settings["Alliance Activity"] = {
	add_fields: ["status", "starts_at", "time_zone", "kind"],
	hide_name_column: true,

	formatters: {
		kind: (value) => frappe.utils.escape_html(__(value, null, "Alliance Activity")),

		// By the clock of the activity, not by the user's.
		starts_at(value, _df, doc) {
			const format = `${frappe.datetime.get_user_date_fmt().toUpperCase()} HH:mm`;
			const shown = value ? moment(value, frappe.defaultDatetimeFormat).format(format) : "";
			return frappe.utils.escape_html([shown, shown && doc.time_zone].filter(Boolean).join(" "));
		},
	},

	get_indicator: (doc) => imta.event_indicator("Alliance Activity")(doc),
};
