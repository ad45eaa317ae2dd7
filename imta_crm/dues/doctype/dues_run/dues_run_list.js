frappe.listview_settings["Dues Run"] = {
	get_indicator(doc) {
		const colors = {
			Draft: "gray",
			Queued: "orange",
			Running: "blue",
			Paused: "yellow",
			Completed: "green",
			"Completed with Failures": "red",
			Cancelled: "gray",
		};
		return [__(doc.status), colors[doc.status], `status,=,${doc.status}`];
	},
};
