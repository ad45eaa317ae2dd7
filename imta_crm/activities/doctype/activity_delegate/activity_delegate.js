// Steps and handing over are in seating/booking_form.js.
frappe.ui.form.on("Activity Delegate", {
	setup(frm) {
		frm.set_query("contact", () => ({
			query: "frappe.contacts.doctype.contact.contact.contact_query",
			filters: frm.doc.member ? { link_doctype: "IMTA Member", link_name: frm.doc.member } : {},
		}));
	},

	onload(frm) {
		imta.no_default_country(frm);
	},

	// The server takes both from the Contact anyway; the form wants them before it is sent.
	contact(frm) {
		if (!frm.is_new() || !frm.doc.contact) return;
		frappe.db.get_value("Contact", frm.doc.contact, ["full_name", "email_id"]).then(({ message }) => {
			if (message) frm.set_value({ participant_name: message.full_name, email: message.email_id });
		});
	},

	refresh(frm) {
		if (frm.is_new() || !frm.has_perm("write")) return;
		if (["Confirmed", "Attended"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Badge"), () => {
				const query = new URLSearchParams({
					doctype: frm.doctype,
					name: frm.doc.name,
					format: "Delegate Badge",
					no_letterhead: 1,
				});
				window.open(`/api/method/frappe.utils.print_format.download_pdf?${query}`);
			});
		}
	},
});
