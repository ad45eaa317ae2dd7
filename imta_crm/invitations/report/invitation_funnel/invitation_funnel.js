frappe.query_reports["Invitation Funnel"] = {
	filters: [
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Campaign", label: __("Campaign") },
				{ value: "Region", label: __("Region") },
				{ value: "Sector", label: __("Sector") },
				{ value: "Officer", label: __("Officer") },
			],
			default: "Campaign",
			reqd: 1,
		},
		{
			fieldname: "campaign",
			label: __("Campaign"),
			fieldtype: "Link",
			options: "Invitation Campaign",
		},
		{ fieldname: "year", label: __("Year"), fieldtype: "Int" },
		{
			fieldname: "purpose",
			label: __("Purpose"),
			fieldtype: "Select",
			options: [
				{ value: "", label: "" },
				{ value: "Membership", label: __("Membership", null, "Invitation Campaign") },
				{ value: "Activity", label: __("Activity", null, "Invitation Campaign") },
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
