// A certificate is read here, and printed, renewed or revoked by buttons; the server decides.
const COLORS = { Valid: "green", Expired: "orange", Revoked: "red", Renewed: "blue" };

frappe.ui.form.on("Training Certificate", {
	refresh(frm) {
		if (frm.is_new()) return;
		const { state, may_print } = frm.doc.__onload || {};
		if (state) frm.page.set_indicator(__(state, null, "Training Certificate"), COLORS[state]);
		frm.disable_save();
		if (may_print) {
			frm.add_custom_button(__("Download PDF"), () =>
				window.open(
					`/api/method/imta_crm.training.certificates.download?${new URLSearchParams({ name: frm.doc.name })}`
				)
			);
		}
		const may = ["Training Coordinator", "System Manager"].some((role) => frappe.user.has_role(role));
		if (!may || frm.doc.status === "Revoked") return;
		if (frm.doc.valid_until && !frm.doc.renewed_by) {
			frm.add_custom_button(__("Renew"), () => frm.events.renew(frm));
		}
		frm.add_custom_button(__("Revoke"), () => frm.events.revoke(frm)).addClass("btn-danger");
	},

	renew(frm) {
		frappe.confirm(
			__("Does {0} still know what was certified? A new certificate takes the place of this one.", [
				frappe.utils.escape_html(frm.doc.holder_name),
			]),
			() =>
				frappe
					.call({
						method: "imta_crm.training.certificates.renew",
						args: { name: frm.doc.name },
						freeze: true,
					})
					.then(({ message }) => frappe.set_route("Form", "Training Certificate", message))
		);
	},

	revoke(frm) {
		const dialog = new frappe.ui.Dialog({
			title: __("Revoke {0}", [frm.doc.name]),
			fields: [
				{
					fieldname: "reason",
					fieldtype: "Small Text",
					label: __("Reason of Revoking"),
					reqd: 1,
					description: __("Kept on record. Whoever scans the certificate reads that it was revoked, not why."),
				},
			],
			primary_action_label: __("Revoke"),
			primary_action({ reason }) {
				frappe
					.call({
						method: "imta_crm.training.certificates.revoke",
						args: { name: frm.doc.name, reason },
						freeze: true,
					})
					.then(() => {
						dialog.hide();
						frm.reload_doc();
					});
			},
		});
		dialog.show();
	},
});
