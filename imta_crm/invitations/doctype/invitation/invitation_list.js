frappe.listview_settings["Invitation"] = {
	hide_name_column: true,

	// The colours are the DocType's; Frappe itself would translate the states without their context.
	get_indicator(doc) {
		const state = frappe.get_meta("Invitation").states.find((each) => each.title === doc.status);
		return [
			__(doc.status, null, "Invitation"),
			state ? frappe.scrub(state.color, "-") : "gray",
			`status,=,${doc.status}`,
		];
	},
};
