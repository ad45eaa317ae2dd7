frappe.listview_settings["Invitation Touch"] = {
	hide_name_column: true,
	get_indicator(doc) {
		const colours = {
			Queued: "blue",
			Sent: "green",
			Done: "green",
			"To Do": "orange",
			Failed: "red",
			Bounced: "red",
			Unknown: "yellow",
			Skipped: "gray",
		};
		return [__(doc.status, null, "Invitation Touch"), colours[doc.status], `status,=,${doc.status}`];
	},
};
