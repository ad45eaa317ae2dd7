frappe.query_reports["Training Results"] = {
	filters: [
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Session", label: __("Session") },
				{ value: "Program", label: __("Program") },
				{ value: "Region", label: __("Region") },
				{ value: "Year", label: __("Year") },
			],
			default: "Session",
			reqd: 1,
		},
		{ fieldname: "year", label: __("Year"), fieldtype: "Int" },
		{ fieldname: "region", label: __("Region"), fieldtype: "Link", options: "Territory" },
		{ fieldname: "program", label: __("Program"), fieldtype: "Link", options: "Member Training Program" },
		{ fieldname: "session", label: __("Session"), fieldtype: "Link", options: "Training Session" },
	],
	tree: true,
	name_field: "key",
	parent_field: "parent",
	initial_depth: 2,

	// From each number to the documents that it counted.
	formatter: imta.lead_to_documents,
};
