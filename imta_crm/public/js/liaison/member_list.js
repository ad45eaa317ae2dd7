// One event, many members: check them in the list, then Actions > Log Contact.
(() => {
	const settings = (frappe.listview_settings["IMTA Member"] ||= {});
	const { onload } = settings;
	settings.onload = function (listview) {
		onload?.call(this, listview);
		if (!frappe.model.can_create("Liaison Contact")) return;
		listview.page.add_action_item(__("Log Contact"), () =>
			imta.liaison.log_contact(
				listview.get_checked_items().map(({ name, member_name }) => ({ name, member_name }))
			)
		);
	};
})();
