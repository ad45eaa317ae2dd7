// By the site's clock, which Frappe shows by the user's own; a session keeps its own time zone.
frappe.views.calendar["Training Session"] = {
	field_map: {
		start: "starts_at_site",
		end: "ends_at_site",
		id: "name",
		title: "title",
		allDay: "all_day",
		status: "status",
	},
	get_events_method: "imta_crm.training.sessions.get_events",
	get_css_class(event) {
		return { Draft: "gray", Open: "blue", Closed: "orange", Held: "green", Cancelled: "red" }[event.status];
	},
};
