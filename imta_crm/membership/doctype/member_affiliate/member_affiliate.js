frappe.ui.form.on("Member Affiliate", {
	setup(frm) {
		frm.set_query("member", () => ({ filters: { member_type: "Organisation" } }));
	},

	refresh(frm) {
		const may = ["Liaison Officer", "Membership Manager", "Training Coordinator", "System Manager"].some((role) =>
			frappe.user.has_role(role)
		);
		const over = frm.doc.to_date && frm.doc.to_date < frappe.datetime.get_today();
		if (frm.is_new() || over || !may) return;
		frm.add_custom_button(__("Give Portal Access"), () => give_access(frm));
	},
});

function give_access(frm) {
	const name = frappe.utils.escape_html(frm.doc.contact_name || frm.doc.contact);
	const email = frappe.utils.escape_html(frm.doc.email || "");
	frappe.confirm(
		__("Let {0} log in on the portal? A letter with a link to set a password goes to {1}.", [name, email]),
		() =>
			frappe
				.call({
					method: "imta_crm.membership.portal_access.give",
					type: "POST",
					args: { affiliate: frm.doc.name },
					freeze: true,
				})
				.then(({ message }) => {
					const user = frappe.utils.escape_html(message.user);
					frappe.show_alert({
						message: message.is_new
							? __("{0} can log in now; the letter is on its way.", [user])
							: __("{0} can log in on the portal.", [user]),
						indicator: "green",
					});
					frm.reload_doc();
				})
	);
}
