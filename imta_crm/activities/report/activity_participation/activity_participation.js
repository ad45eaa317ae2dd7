frappe.query_reports["Activity Participation"] = {
	filters: [
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Activity", label: __("Activity") },
				{ value: "Role", label: __("Role") },
				{ value: "Tier", label: __("Tier") },
				{ value: "Region", label: __("Region") },
				{ value: "Member", label: __("Member") },
				{ value: "Year", label: __("Year") },
			],
			default: "Activity",
			reqd: 1,
		},
		{ fieldname: "year", label: __("Year"), fieldtype: "Int" },
		{
			fieldname: "kind",
			label: __("Kind"),
			fieldtype: "Select",
			options: [
				{ value: "", label: "" },
				{ value: "Conference", label: __("Conference", null, "Alliance Activity") },
				{ value: "Forum", label: __("Forum", null, "Alliance Activity") },
				{ value: "Exhibition", label: __("Exhibition", null, "Alliance Activity") },
				{ value: "Theme Day", label: __("Theme Day", null, "Alliance Activity") },
				{ value: "Meeting", label: __("Meeting", null, "Alliance Activity") },
			],
		},
		{ fieldname: "activity", label: __("Activity"), fieldtype: "Link", options: "Alliance Activity" },
		{ fieldname: "region", label: __("Region"), fieldtype: "Link", options: "Territory" },
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{
			fieldname: "delegate_role",
			label: __("Role"),
			fieldtype: "Select",
			options: [
				{ value: "", label: "" },
				{ value: "Speaker", label: __("Speaker", null, "Activity Delegate") },
				{ value: "Exhibitor", label: __("Exhibitor", null, "Activity Delegate") },
				{ value: "Delegate", label: __("Delegate", null, "Activity Delegate") },
				{ value: "Guest", label: __("Guest", null, "Activity Delegate") },
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
