frappe.listview_settings["IMTA Member"] = {
	add_fields: ["status", "tier", "is_key_member", "member_name_local"],
	hide_name_column: true,

	formatters: {
		member_name(value, df, doc) {
			const local = doc.member_name_local && doc.member_name_local !== value ? doc.member_name_local : "";
			return [doc.is_key_member ? `★ ${value}` : value, local].filter(Boolean).join(" · ");
		},
		officer(value) {
			// A whole address does not fit; who has not come by in this session yet is named by its first part.
			const known = value && frappe.user_info(value).fullname;
			return frappe.utils.escape_html(known && known !== value ? known : (value || "").split("@")[0]);
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
