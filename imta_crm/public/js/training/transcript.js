// The transcript of a member's people, or of a person, for a period.
const imta_transcript_button = (frm) => {
	if (frm.is_new() || !frappe.model.can_read("Training Enrollment")) return;
	frm.page.add_menu_item(__("Training Transcript"), () => {
		const dialog = new frappe.ui.Dialog({
			title: __("Training Transcript"),
			fields: [
				{ fieldname: "since", fieldtype: "Date", label: __("From Day") },
				{ fieldname: "until", fieldtype: "Date", label: __("Through Day") },
			],
			primary_action_label: __("Download PDF"),
			primary_action(values) {
				dialog.hide();
				const args = { [frm.doctype === "Contact" ? "contact" : "member"]: frm.doc.name, ...values };
				window.open(`/api/method/imta_crm.training.transcript.download?${new URLSearchParams(args)}`);
			},
		});
		dialog.show();
	});
};

frappe.ui.form.on("IMTA Member", { refresh: imta_transcript_button });
frappe.ui.form.on("Contact", { refresh: imta_transcript_button });
