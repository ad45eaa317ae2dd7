frappe.query_reports["Dues Collection"] = {
	filters: [
		{ fieldname: "dues_year", label: __("Dues Year"), fieldtype: "Link", options: "Dues Year" },
		{
			fieldname: "group_by",
			label: __("Group By"),
			fieldtype: "Select",
			options: [
				{ value: "Tier", label: __("Tier") },
				{ value: "Year", label: __("Dues Year") },
				{ value: "Country", label: __("Country/Region") },
				{ value: "Region", label: __("Region") },
				{ value: "Currency", label: __("Currency") },
			],
			default: "Tier",
			reqd: 1,
		},
		{ fieldname: "as_of", label: __("As of"), fieldtype: "Date", default: frappe.datetime.get_today() },
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "country", label: __("Country/Region"), fieldtype: "Link", options: "Country" },
	],

	formatter(value, row, column, data, default_formatter) {
		let text = default_formatter(value, row, column, data);
		if (!data) return text;
		if (data.bold) return `<b>${text}</b>`;
		const route = this.route_of(column.fieldname, data);
		return route ? `<a href="${frappe.utils.escape_html(route)}">${text}</a>` : text;
	},

	// From a group to its charges, from what is open to who owes it.
	route_of(fieldname, data) {
		const group_by = frappe.query_report.get_filter_value("group_by");
		const query = {};
		if (fieldname === "charges" && ["Tier", "Year", "Currency"].includes(group_by)) {
			const year = frappe.query_report.get_filter_value("dues_year");
			if (year) query.dues_year = year;
			query.currency = data.currency;
			if (group_by === "Tier") query.tier = data.group_key;
			if (group_by === "Year") query.dues_year = data.group_key;
			return `/app/dues-charge?${new URLSearchParams(query)}`;
		}
		if (fieldname === "outstanding" && flt(data.outstanding)) {
			query.currency = data.currency;
			query.as_of = frappe.query_report.get_filter_value("as_of") || frappe.datetime.get_today();
			query.include_not_due = 1;
			if (group_by === "Tier") query.tier = data.group_key;
			if (group_by === "Country") query.country = data.group_key;
			return `/app/query-report/Dues Arrears?${new URLSearchParams(query)}`;
		}
	},
};
