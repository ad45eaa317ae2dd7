frappe.query_reports["Membership Structure"] = {
	filters: [
		{
			fieldname: "view",
			label: __("View"),
			fieldtype: "Select",
			options: [
				{ value: "Region", label: __("By Region") },
				{ value: "Country", label: __("By Country/Region") },
				{ value: "Sector", label: __("By Sector") },
				{ value: "Growth", label: __("Growth by Year") },
			],
			default: "Region",
			reqd: 1,
		},
		{
			fieldname: "on_date",
			label: __("On"),
			fieldtype: "Date",
			default: frappe.datetime.get_today(),
			reqd: 1,
		},
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "territory", label: __("Region"), fieldtype: "Link", options: "Territory" },
		{ fieldname: "sector", label: __("Sector"), fieldtype: "Link", options: "Market Segment" },
	],
	tree: true,
	name_field: "key",
	parent_field: "parent",
	initial_depth: 2,
	formatter(value, row, column, data, default_formatter) {
		const text = default_formatter(value, row, column, data);
		return data && data.bold && column.fieldname === "label" ? `<b>${text}</b>` : text;
	},
};
