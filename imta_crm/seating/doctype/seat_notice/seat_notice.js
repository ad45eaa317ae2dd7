frappe.ui.form.on("Seat Notice", {
	refresh(frm) {
		frm.disable_save();
		if (!["Failed", "Unknown"].includes(frm.doc.status)) return;
		if (!frappe.model.can_write(frm.doc.booking_doctype)) return;
		frm.add_custom_button(__("Send Again"), () => {
			if (frm.doc.status === "Failed") {
				send_again(frm);
				return;
			}
			frappe.confirm(
				__("Nobody can tell whether this letter has left. Send it once more?"),
				() => send_again(frm)
			);
		});
	},
});

function send_again(frm) {
	return frappe
		.call({
			method: "imta_crm.seating.notices.send_again",
			args: { notice: frm.doc.name },
			freeze: true,
		})
		.then(() => frm.reload_doc())
		.then(() => frappe.show_alert({ message: __("The letter will be sent."), indicator: "green" }));
}
