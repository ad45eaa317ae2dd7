frappe.listview_settings["Activity Delegate"] = {
	add_fields: ["status", "delegate_role", "organisation", "activity"],
	hide_name_column: true,

	formatters: {
		delegate_role: (value) => frappe.utils.escape_html(__(value, null, "Activity Delegate")),
	},

	onload(listview) {
		listview.page.add_actions_menu_item(__("Print Badges"), () => {
			const chosen = listview.get_checked_items();
			const activities = [...new Set(chosen.map((row) => row.activity))];
			if (activities.length !== 1) {
				frappe.msgprint(__("Choose delegates of one activity."));
				return;
			}
			const query = new URLSearchParams({
				activity: activities[0],
				delegates: JSON.stringify(chosen.map((row) => row.name)),
			});
			window.open(`/api/method/imta_crm.activities.badges.print_badges?${query}`);
		});
	},
};
