frappe.ui.form.on("Do Not Invite", {
	onload(frm) {
		imta.no_default_country(frm);
	},
});
