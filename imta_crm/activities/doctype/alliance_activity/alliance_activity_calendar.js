frappe.views.calendar["Alliance Activity"] = {
	field_map: {
		start: "starts_at_site",
		end: "ends_at_site",
		id: "name",
		title: "title",
		allDay: "all_day",
	},
	get_events_method: "imta_crm.activities.desk.get_events",
	get_css_class(event) {
		return { Draft: "gray", Open: "blue", Closed: "orange", Held: "green", Cancelled: "red" }[event.status];
	},
};
