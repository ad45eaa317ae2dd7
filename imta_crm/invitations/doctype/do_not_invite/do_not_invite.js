frappe.ui.form.on("Do Not Invite", {
	onload_post_render(frm) {
		imta.no_default_country(frm);
	},
});
