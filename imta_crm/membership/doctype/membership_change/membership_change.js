frappe.ui.form.on("Membership Change", {
	setup(frm) {
		frm.set_query("new_tier", () => ({
			query: "imta_crm.membership.doctype.membership_change.membership_change.new_tier_query",
			filters: { member: frm.doc.member || "", change_type: frm.doc.change_type || "" },
		}));
	},

	refresh(frm) {
		const colors = { Draft: "gray", Scheduled: "blue", Applied: "green", Cancelled: "red" };
		frm.page.set_indicator(__(frm.doc.state), colors[frm.doc.state]);
		if (frm.doc.problem) {
			frm.dashboard.set_headline(frappe.utils.escape_html(frm.doc.problem), "red");
		} else if (frm.doc.docstatus === 0 && frm.doc.effective_date > frappe.datetime.get_today()) {
			frm.dashboard.set_headline(
				__("Takes effect by itself on {0}.", [frappe.datetime.str_to_user(frm.doc.effective_date)]),
				"blue"
			);
		}
		const creditable =
			!frm.is_new() &&
			frm.doc.state !== "Cancelled" &&
			frm.doc.change_type === "Downgrade" &&
			!frm.doc.grant_credit_note;
		if (creditable && frappe.user.has_role(["Treasurer", "System Manager"])) {
			const question =
				frm.doc.state === "Applied"
					? __("Credit the rest of the running period?")
					: __("Credit the rest of the period on the day on which the downgrade takes effect?");
			frm.add_custom_button(__("Grant Credit Note"), () =>
				frappe.confirm(question, () =>
					frappe
						.call({
							method: "imta_crm.dues.charges.grant_credit_note",
							args: { membership_change: frm.doc.name },
							freeze: true,
						})
						.then(() => frm.reload_doc())
				)
			);
		}
	},

	change_type(frm) {
		frm.set_value("new_tier", null);
	},
});
