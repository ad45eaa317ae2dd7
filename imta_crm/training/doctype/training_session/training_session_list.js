frappe.listview_settings["Training Session"] = {
	add_fields: ["starts_at", "ends_at_site", "time_zone", "capacity"],
	hide_name_column: true,

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
