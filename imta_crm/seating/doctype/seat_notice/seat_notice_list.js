frappe.listview_settings["Seat Notice"] = {
	onload(list) {
		list.page.add_action_item(__("Send Again"), () => {
			frappe
				.call({
					method: "imta_crm.seating.notices.send_failed_again",
					args: { notices: list.get_checked_items(true) },
					freeze: true,
				})
				.then(({ message }) => {
					frappe.show_alert({
						message: __("{0} failed letters will be sent.", [message]),
						indicator: message ? "green" : "orange",
					});
					list.refresh();
				});
		});
	},
};
