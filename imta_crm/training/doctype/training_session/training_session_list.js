frappe.listview_settings["Training Session"] = {
	add_fields: ["starts_at", "ends_at_site", "time_zone", "capacity"],
	hide_name_column: true,

	// By the clock of the session, not by the user's.
	formatters: {
		starts_at(value, _df, doc) {
			const format = `${frappe.datetime.get_user_date_fmt().toUpperCase()} HH:mm`;
			const shown = value ? moment(value, frappe.defaultDatetimeFormat).format(format) : "";
			return frappe.utils.escape_html([shown, shown && doc.time_zone].filter(Boolean).join(" "));
		},
	},

	get_indicator: (doc) => imta.event_indicator("Training Session")(doc),
};
