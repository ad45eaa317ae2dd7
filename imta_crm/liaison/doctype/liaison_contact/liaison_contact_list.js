frappe.listview_settings["Liaison Contact"] = {
	add_fields: ["member_name", "channel", "contact_at", "outcome", "next_step", "next_step_on", "next_step_state"],
	hide_name_column: true,

	formatters: {
		channel: (value) => frappe.utils.escape_html(__(value, null, "Liaison Contact")),
		// The day, in the reader's zone: with the time the column would be cut off.
		contact_at: (value) => (value ? frappe.datetime.str_to_user(value).split(" ")[0] : ""),
	},

	onload(listview) {
		const show = (filters) =>
			listview.filter_area
				.clear(false)
				.then(() =>
					listview.filter_area.add([["Liaison Contact", "next_step_state", "=", "Open"], ...filters])
				);
		listview.page.add_inner_button(__("Overdue Next Steps"), () => {
			show([["Liaison Contact", "next_step_on", "<", frappe.datetime.get_today()]]);
		});
		listview.page.add_inner_button(__("My Next Steps"), () => {
			show([["Liaison Contact", "next_step_owner", "=", frappe.session.user]]);
		});
		listview.page.add_inner_button(__("Contacts Due"), () => frappe.set_route("query-report", "Contacts Due"));
	},

	refresh(listview) {
		if (!listview.can_create) return;
		listview.page.set_primary_action(__("Log Contact"), () => listview.make_new_doc(), "add");
	},

	get_indicator(doc) {
		if (doc.next_step_state === "Open") {
			return doc.next_step_on < frappe.datetime.get_today()
				? [__("Overdue"), "red", "next_step_state,=,Open|next_step_on,<,Today"]
				: [__("Next Step Open"), "orange", "next_step_state,=,Open"];
		}
		if (doc.next_step_state === "Closed") {
			return [__("Next Step Done"), "green", "next_step_state,=,Closed"];
		}
		const colours = { Positive: "green", Neutral: "blue", Negative: "red", "No Answer": "gray" };
		return doc.outcome
			? [__(doc.outcome, null, "Liaison Contact"), colours[doc.outcome], `outcome,=,${doc.outcome}`]
			: [__("Logged"), "gray", "next_step_state,is,not set"];
	},
};
