frappe.ui.form.on("Alliance Settings", {
	setup(frm) {
		const enabled_user = () => ({ filters: { enabled: 1, user_type: "System User" } });
		frm.set_query("default_officer", enabled_user);
		frm.set_query("default_coordinator", enabled_user);
		frm.set_query("event_email_account", () => ({ filters: { enable_outgoing: 1 } }));
		frm.set_query("event_item", () => ({ filters: { is_sales_item: 1, disabled: 0 } }));
		frm.set_query("event_income_account", () => ({
			filters: { company: frm.doc.company || undefined, root_type: "Income", is_group: 0, disabled: 0 },
		}));
	},
});
