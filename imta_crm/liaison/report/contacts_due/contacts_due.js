frappe.query_reports["Contacts Due"] = {
	filters: [
		{ fieldname: "as_of", label: __("As Of"), fieldtype: "Date", default: frappe.datetime.get_today(), reqd: 1 },
		{ fieldname: "officer", label: __("Liaison Officer"), fieldtype: "Link", options: "User" },
		{ fieldname: "tier", label: __("Tier"), fieldtype: "Link", options: "Member Tier" },
		{ fieldname: "country", label: __("Country/Region"), fieldtype: "Link", options: "Country" },
		{ fieldname: "key_members", label: __("Key Members Only"), fieldtype: "Check" },
	],

	onload(report) {
		if (!frappe.model.can_create("Liaison Contact")) return;
		report.page.add_inner_button(__("Log Contact"), () => {
			const rows = report.datatable?.rowmanager.getCheckedRows() || [];
			const members = rows.map((index) => report.data[index]?.member).filter(Boolean);
			imta.liaison.log_contact(members, { after: () => report.refresh() });
		});
	},

	get_datatable_options(options) {
		return Object.assign(options, { checkboxColumn: true });
	},

	formatter(value, row, column, data, default_formatter) {
		const text = default_formatter(value, row, column, data);
		if (column.fieldname === "days_late" && data?.days_late > 0) {
			return `<span class="text-danger">${text}</span>`;
		}
		if (column.fieldname === "next_step_on" && value && value < frappe.datetime.get_today()) {
			return `<span class="text-danger">${text}</span>`;
		}
		return text;
	},
};
