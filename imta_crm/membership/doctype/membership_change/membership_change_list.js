frappe.listview_settings["Membership Change"] = {
	add_fields: ["state", "change_type"],
	has_indicator_for_draft: 1,
	has_indicator_for_cancelled: 1,

	get_indicator(doc) {
		const color = { Draft: "gray", Scheduled: "blue", Applied: "green", Cancelled: "red" }[doc.state];
		return [__(doc.state), color, `state,=,${doc.state}`];
	},
};
