frappe.ui.form.on("Member Affiliate", {
	setup(frm) {
		frm.set_query("member", () => ({ filters: { member_type: "Organisation" } }));
	},
});
