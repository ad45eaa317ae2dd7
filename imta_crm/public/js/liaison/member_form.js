// When the member was last spoken with, and when it should be again.
frappe.ui.form.on("IMTA Member", {
	refresh(frm) {
		const seen = frm.doc.__onload?.liaison;
		if (!seen || frm.is_new()) return;
		const today = frappe.datetime.get_today();
		const date = (value) => frappe.datetime.str_to_user(value.slice(0, 10));
		frm.dashboard.add_indicator(
			seen.contact_at
				? __("Last contact: {0} ({1})", [date(seen.contact_at), __(seen.channel, null, "Liaison Contact")])
				: __("No contact yet"),
			seen.contact_at ? "blue" : "gray"
		);
		if (seen.due_on) {
			const is_late = seen.due_on < today;
			frm.dashboard.add_indicator(
				__("Contact due: {0}", [date(seen.due_on)]),
				is_late ? "red" : "green"
			);
		}
		if (seen.next_step_on) {
			frm.dashboard.add_indicator(
				__("Next step by {0}", [date(seen.next_step_on)]),
				seen.next_step_on < today ? "red" : "orange"
			);
		}
	},
});
