frappe.listview_settings["IMTA Member"] = {
	add_fields: ["status", "tier", "is_key_member", "member_name_local"],
	hide_name_column: false,

	formatters: {
		member_name(value, df, doc) {
			const text = frappe.utils.escape_html;
			const local = doc.member_name_local ? ` <span class="text-muted">${text(doc.member_name_local)}</span>` : "";
			const star = doc.is_key_member ? ` <span title="${__("Key Member")}">★</span>` : "";
			return `${text(value)}${star}${local}`;
		},
	},

	onload(listview) {
		listview.page.add_inner_button(__("My Portfolio"), () =>
			listview.filter_area
				.clear()
				.then(() => listview.filter_area.add([["IMTA Member", "officer", "=", frappe.session.user]]))
		);
	},
};
