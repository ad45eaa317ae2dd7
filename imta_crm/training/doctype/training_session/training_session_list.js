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

	// The colours are the DocType's; Frappe itself would translate the states without their context.
	get_indicator(doc) {
		const state = frappe.get_meta("Training Session").states.find((each) => each.title === doc.status);
		return [
			__(doc.status, null, "Training Session"),
			state ? frappe.scrub(state.color, "-") : "gray",
			`status,=,${doc.status}`,
		];
	},
};
