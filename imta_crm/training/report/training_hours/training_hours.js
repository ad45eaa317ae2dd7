frappe.query_reports["Training Hours"] = {
	filters: [
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Member", label: __("Member") },
				{ value: "Region", label: __("Region") },
				{ value: "Year", label: __("Year") },
				{ value: "Person", label: __("Person") },
				{ value: "Program", label: __("Program") },
			],
			default: "Member",
			reqd: 1,
		},
		{ fieldname: "year", label: __("Year"), fieldtype: "Int" },
		{ fieldname: "region", label: __("Region"), fieldtype: "Link", options: "Territory" },
		{ fieldname: "member", label: __("Member"), fieldtype: "Link", options: "IMTA Member" },
		{ fieldname: "program", label: __("Program"), fieldtype: "Link", options: "Member Training Program" },
		{
			fieldname: "participant_type",
			label: __("Participants"),
			fieldtype: "Select",
			options: [
				{ value: "", label: "" },
				{ value: "Member", label: __("Member", null, "Training Enrollment") },
				{ value: "Guest", label: __("Guest", null, "Training Enrollment") },
				{ value: "Staff", label: __("Staff", null, "Training Enrollment") },
			],
		},
	],
	tree: true,
	name_field: "key",
	parent_field: "parent",
	initial_depth: 2,

	// From each number to the documents that it counted.
	formatter: imta.lead_to_documents,
};
