// The forms of Training Session and Alliance Activity open the door half a day before the beginning.
const imta_check_in_button = (frm) => {
	if (frm.is_new() || !["Open", "Closed", "Held"].includes(frm.doc.status)) return;
	const may = ["Training Coordinator", "Liaison Officer", "System Manager"].some((role) =>
		frappe.user.has_role(role)
	);
	const opens = moment(frm.doc.starts_at_site).subtract(12, "hours");
	if (!may || moment(frappe.datetime.now_datetime()).isBefore(opens)) return;
	frm.add_custom_button(__("Check-In"), () => imta.check_in(frm));
};

frappe.ui.form.on("Training Session", { refresh: imta_check_in_button });
frappe.ui.form.on("Alliance Activity", { refresh: imta_check_in_button });
