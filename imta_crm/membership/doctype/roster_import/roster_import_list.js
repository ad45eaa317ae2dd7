frappe.listview_settings["Roster Import"] = {
	get_indicator(doc) {
		const colors = {
			Draft: "gray",
			Checked: "blue",
			Queued: "orange",
			Importing: "orange",
			Completed: "green",
			"Completed with Problems": "yellow",
			Failed: "red",
		};
		return [__(doc.status), colors[doc.status] || "gray", `status,=,${doc.status}`];
	},
};
