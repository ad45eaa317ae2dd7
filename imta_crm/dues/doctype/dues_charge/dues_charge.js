frappe.ui.form.on("Dues Charge", {
	setup(frm) {
		for (const field of ["status", "payment_state"]) {
			frm.get_docfield(field).formatter = (state) => __(state || "", null, "Dues Charge");
		}
	},

	refresh(frm) {
		frm.disable_save();
		const { status, sales_invoice, charge_type } = frm.doc;
		if (sales_invoice) {
			frm.add_custom_button(__("Invoice"), () =>
				frappe.set_route("Form", "Sales Invoice", sales_invoice)
			);
			if (frappe.model.can_print("Sales Invoice")) {
				const query = new URLSearchParams({
					doctype: "Sales Invoice",
					name: sales_invoice,
					format: "Dues Notice",
				});
				frm.add_custom_button(__("Dues Notice"), () =>
					window.open(`/api/method/frappe.utils.print_format.download_pdf?${query}`)
				);
			}
		}
		if (!frappe.user.has_role(["Treasurer", "System Manager"])) return;
		const with_reason = (title, method) =>
			frappe.prompt(
				{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1 },
				(values) => frm.call(method, values).then(() => frm.reload_doc()),
				title
			);
		if (["Pending", "Failed"].includes(status)) {
			const label = charge_type === "Downgrade Credit" ? __("Credit Now") : __("Invoice Now");
			frm.add_custom_button(label, () => frm.call("invoice_now").then(() => frm.reload_doc()));
			frm.add_custom_button(__("Waive"), () => with_reason(__("Waive"), "waive"), __("Actions"));
			frm.add_custom_button(__("Void"), () => with_reason(__("Void"), "void"), __("Actions"));
		}
		if (["Waived", "Void"].includes(status)) {
			frm.add_custom_button(__("Charge After All"), () =>
				with_reason(__("Charge After All"), "reopen")
			);
		}
	},
});
