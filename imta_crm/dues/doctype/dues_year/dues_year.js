frappe.ui.form.on("Dues Year", {
	setup(frm) {
		const accounts = (filters) => () => ({
			filters: { company: frm.doc.company, is_group: 0, disabled: 0, ...filters },
		});
		frm.set_query("income_account", accounts({ root_type: "Income" }));
		frm.set_query("deferred_account", accounts({ root_type: "Liability" }));
		frm.set_query("cost_center", () => ({ filters: { company: frm.doc.company, is_group: 0 } }));
		frm.set_query("item", () => ({ filters: { is_stock_item: 0, is_sales_item: 1, disabled: 0 } }));
		frm.set_query("receivable_account", "rates", (doc, cdt, cdn) => ({
			filters: {
				company: doc.company,
				is_group: 0,
				disabled: 0,
				account_type: "Receivable",
				account_currency: locals[cdt][cdn].currency,
			},
		}));
	},

	refresh(frm) {
		if (frm.is_new()) return;
		frm.set_intro("");
		if (frm.perm[0] && frm.perm[0].write) {
			frm.add_custom_button(__("Fill Tiers"), () =>
				frm.call("refill_tiers").then(({ message }) => {
					frappe.show_alert(
						message && message.length
							? { message: __("Added: {0}", [message.join(", ")]), indicator: "green" }
							: { message: __("Every tier is there already."), indicator: "blue" }
					);
					frm.reload_doc();
				})
			);
		}
		if (frm.doc.status === "Open" && frappe.model.can_create("Dues Run")) {
			frm.add_custom_button(__("Preview"), () =>
				frappe.new_doc("Dues Run", { dues_year: frm.doc.name, as_of: frappe.datetime.get_today() })
			).addClass("btn-primary");
		}
	},
});
