frappe.query_reports["Member Engagement"] = {
	filters: [
		{
			fieldname: "from_date",
			label: __("From"),
			fieldtype: "Date",
			default: frappe.datetime.add_months(frappe.datetime.get_today(), -12),
			reqd: 1,
		},
		{
			fieldname: "to_date",
			label: __("To"),
			fieldtype: "Date",
			default: frappe.datetime.get_today(),
			reqd: 1,
		},
		{ fieldname: "region", label: __("Region"), fieldtype: "Link", options: "Territory" },
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "officer", label: __("Officer"), fieldtype: "Link", options: "User" },
		{ fieldname: "absent", label: __("Took Part in Nothing"), fieldtype: "Check" },
	],

	// From each number to the documents that it counted.
	formatter: imta.lead_to_documents,
};
