frappe.listview_settings["Dues Charge"] = {
	add_fields: ["status", "sales_invoice", "currency"],
	hide_name_column: true,
	get_indicator(doc) {
		const colors = { Pending: "orange", Invoiced: "green", Failed: "red", Waived: "blue", Void: "gray" };
		return [__(doc.status, null, "Dues Charge"), colors[doc.status], `status,=,${doc.status}`];
	},
	button: {
		show: (doc) => doc.sales_invoice,
		get_label: () => __("Invoice"),
		get_description: (doc) => __("Open {0}", [doc.sales_invoice]),
		action: (doc) => frappe.set_route("Form", "Sales Invoice", doc.sales_invoice),
	},
};
