frappe.listview_settings["Liaison Contact"] = {
	add_fields: ["member_name", "channel", "outcome", "next_step", "next_step_on", "next_step_state"],
	hide_name_column: true,

	onload(listview) {
		listview.page.add_inner_button(__("Overdue Next Steps"), () => {
			listview.filter_area.clear(false).then(() =>
				listview.filter_area.add([
					["Liaison Contact", "next_step_state", "=", "Open"],
					["Liaison Contact", "next_step_on", "<", frappe.datetime.get_today()],
				])
			);
		});
		listview.page.add_inner_button(__("My Next Steps"), () => {
			listview.filter_area.clear(false).then(() =>
				listview.filter_area.add([
					["Liaison Contact", "next_step_state", "=", "Open"],
					["Liaison Contact", "next_step_owner", "=", frappe.session.user],
				])
			);
		});
		listview.page.add_inner_button(__("Contacts Due"), () => frappe.set_route("query-report", "Contacts Due"));
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
			? [__(doc.outcome), colours[doc.outcome], `outcome,=,${doc.outcome}`]
			: [__("Logged"), "gray", "next_step_state,is,not set"];
	},
};
