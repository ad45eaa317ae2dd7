// Attendance that was noted wrongly, and certificates. The server decides what follows.
frappe.ui.form.on("Training Enrollment", {
	refresh(frm) {
		const may = ["Training Coordinator", "System Manager"].some((role) => frappe.user.has_role(role));
		if (frm.is_new() || !may) return;
		const has_seat = ["Confirmed", "Attended", "Completed", "No-show"].includes(frm.doc.status);
		const has_begun = !moment(frappe.datetime.now_datetime()).isBefore(frm.doc.starts_at_site);
		if (has_seat && has_begun) {
			frm.add_custom_button(__("Correct Attendance"), () => imta_correct_attendance(frm));
		}
		if (frm.doc.status === "Completed" && !frm.doc.certificate) {
			frm.add_custom_button(__("Issue Certificate"), () =>
				frappe
					.call({
						method: "imta_crm.training.certificates.issue_again",
						args: { enrollment: frm.doc.name },
						freeze: true,
					})
					.then(() => frm.reload_doc())
			);
		}
	},
});

const imta_correct_attendance = (frm) => {
	const dialog = new frappe.ui.Dialog({
		title: __("Correct Attendance"),
		fields: [
			{
				fieldname: "minutes",
				fieldtype: "Int",
				label: __("Minutes Present"),
				reqd: 1,
				default: frm.doc.attended_minutes,
				description: __("0 for somebody who was not there. Hours and certificate follow."),
			},
			{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1 },
		],
		primary_action_label: __("Correct"),
		primary_action({ minutes, reason }) {
			frappe
				.call({
					method: "imta_crm.training.attendance.correct",
					args: { enrollment: frm.doc.name, minutes: minutes || 0, reason },
					freeze: true,
				})
				.then(() => {
					dialog.hide();
					frm.reload_doc();
				});
		},
	});
	dialog.show();
};
