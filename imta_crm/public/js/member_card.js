frappe.ui.form.on("IMTA Member", {
	refresh(frm) {
		const may = ["Membership Manager", "System Manager"].some((role) => frappe.user.has_role(role));
		if (frm.is_new() || !may || !["Active", "In Arrears", "Emeritus"].includes(frm.doc.status)) return;
		frm.add_custom_button(
			__("Issue New Card"),
			() =>
				frappe.confirm(
					__("The card now in circulation will no longer be valid. Issue a new one for {0}?", [
						frappe.utils.escape_html(frm.doc.member_name),
					]),
					() =>
						frappe
							.call({
								method: "imta_crm.membership.card.issue_new_card",
								type: "POST",
								args: { member: frm.doc.name },
								freeze: true,
							})
							.then(() => {
								frappe.show_alert({ message: __("New card issued"), indicator: "green" });
								frm.reload_doc();
							})
				),
			__("Change Membership")
		);
	},
});
