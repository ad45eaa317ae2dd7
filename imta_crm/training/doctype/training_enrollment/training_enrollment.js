// What activities' delegates have, too, is in public/js/seating.
frappe.ui.form.on("Training Enrollment", {
	setup(frm) {
		frm.set_query("member", () => ({ filters: { status: ["not in", ["Applicant", "Withdrawn", "Removed"]] } }));
	},
});
