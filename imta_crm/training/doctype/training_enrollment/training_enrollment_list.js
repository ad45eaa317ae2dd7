frappe.listview_settings["Training Enrollment"] = {
	add_fields: ["session", "queue_no"],
	hide_name_column: true,

	// The colours are the DocType's, also where the workflow has its own.
	get_indicator(doc) {
		const state = frappe.get_meta("Training Enrollment").states.find((each) => each.title === doc.status);
		return [__(doc.status), state ? frappe.scrub(state.color, "-") : "gray", `status,=,${doc.status}`];
	},
};
