frappe.query_reports["Dues Arrears"] = {
	filters: [
		{
			fieldname: "as_of",
			label: __("As of"),
			fieldtype: "Date",
			default: frappe.datetime.get_today(),
			reqd: 1,
		},
		{ fieldname: "currency", label: __("Currency"), fieldtype: "Link", options: "Currency" },
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "country", label: __("Country/Region"), fieldtype: "Link", options: "Country" },
		{ fieldname: "officer", label: __("Officer"), fieldtype: "Link", options: "User" },
		{ fieldname: "include_not_due", label: __("Also What Is Not Due"), fieldtype: "Check", default: 0 },
	],

	formatter(value, row, column, data, default_formatter) {
		const text = default_formatter(value, row, column, data);
		if (data && data.bold) return `<b>${text}</b>`;
		if (column.fieldname === "sales_invoice" && value && frappe.model.can_read("Sales Invoice")) {
			return `<a href="/app/sales-invoice/${encodeURIComponent(value)}">${text}</a>`;
		}
		return text;
	},
};
