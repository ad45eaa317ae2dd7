frappe.views.calendar["Liaison Contact"] = {
	field_map: {
		start: "contact_at",
		end: "ends_at",
		id: "name",
		title: "title",
		allDay: "all_day",
	},
	get_events_method: "imta_crm.liaison.contacts.get_events",
	get_css_class(event) {
		return { Positive: "green", Negative: "red", "No Answer": "gray" }[event.outcome] || "blue";
	},
};
