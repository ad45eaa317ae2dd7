frappe.query_reports["Training Seats"] = {
	filters: [
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Session", label: __("Session") },
				{ value: "Program", label: __("Program") },
				{ value: "Year", label: __("Year") },
			],
			default: "Session",
			reqd: 1,
		},
		{ fieldname: "year", label: __("Year"), fieldtype: "Int" },
		{ fieldname: "program", label: __("Program"), fieldtype: "Link", options: "Member Training Program" },
		{ fieldname: "coming", label: __("Coming Only"), fieldtype: "Check" },
	],

	// From each number to the documents that it counted.
	formatter: imta.lead_to_documents,
};
