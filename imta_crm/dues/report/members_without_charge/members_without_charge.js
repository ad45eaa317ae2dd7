frappe.query_reports["Members Without Charge"] = {
	filters: [
		{ fieldname: "dues_year", label: __("Dues Year"), fieldtype: "Link", options: "Dues Year" },
		{
			fieldname: "as_of",
			label: __("As of"),
			fieldtype: "Date",
			default: frappe.datetime.get_today(),
			reqd: 1,
		},
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "country", label: __("Country/Region"), fieldtype: "Link", options: "Country" },
		{ fieldname: "officer", label: __("Officer"), fieldtype: "Link", options: "User" },
	],

	onload(report) {
		if (report.get_filter_value("dues_year") || !frappe.model.can_read("Dues Year")) return;
		frappe.db
			.get_list("Dues Year", { filters: { status: "Open" }, order_by: "from_date desc", limit: 1 })
			.then((years) => years.length && report.set_filter_value("dues_year", years[0].name));
	},
};
