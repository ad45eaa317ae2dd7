frappe.query_reports["Invitation Replies"] = {
	filters: [
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
		{
			fieldname: "reply",
			label: __("Reply"),
			fieldtype: "Select",
			options: [
				{ value: "", label: "" },
				...["Interested", "Later", "No", "Wrong Person", "Do Not Write", "Yes", "By Mail"].map((value) => ({
					value,
					label: __(value, null, "Invitation"),
				})),
			],
		},
		{ fieldname: "comments_only", label: __("With a Comment Only"), fieldtype: "Check" },
	],
};
