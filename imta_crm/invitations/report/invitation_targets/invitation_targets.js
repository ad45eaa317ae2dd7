frappe.query_reports["Invitation Targets"] = {
	filters: [
		{
			fieldname: "campaign",
			label: __("Campaign"),
			fieldtype: "Link",
			options: "Invitation Campaign",
		},
		{
			fieldname: "year",
			label: __("Year"),
			fieldtype: "Int",
			default: new Date().getFullYear(),
		},
	],

	// From each number to the documents that it counted.
	formatter(value, row, column, data, default_formatter) {
		const text = default_formatter(value, row, column, data);
		if (!data) return text;
		const route = column.fieldname === "campaign" ? data.route : value && data.routes?.[column.fieldname];
		return route ? `<a href="${frappe.utils.escape_html(route)}">${text}</a>` : text;
	},
};
