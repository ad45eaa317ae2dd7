// "New Liaison Contact", wherever it is asked for, opens the dialog that needs three answers.
frappe.provide("frappe.ui.form");

const START = ["channel", "summary", "event_name", "next_step"];

frappe.ui.form.LiaisonContactQuickEntryForm = class LiaisonContactQuickEntryForm extends (
	frappe.ui.form.QuickEntryForm
) {
	render_dialog() {
		const { member } = this.doc;
		const values = {};
		START.forEach((field) => {
			// The DocType's own default gives way to the channel that this person used last.
			const standard = frappe.meta.get_docfield(this.doctype, field)?.default;
			if (this.doc[field] && this.doc[field] !== standard) values[field] = this.doc[field];
		});
		frappe.model.clear_doc(this.doctype, this.doc.name);
		imta.liaison
			.log_contact(member, {
				values,
				after: ({ names }) => this.after_insert?.({ doctype: this.doctype, name: names[0] }),
			})
			.then((dialog) => {
				this.dialog = dialog;
				dialog.onhide = () => (frappe.quick_entry = null);
				this.init_callback?.(dialog);
			});
	}
};
