frappe.listview_settings["Member Training Program"] = {
	add_fields: ["disabled"],
	hide_name_column: true,

	get_indicator(doc) {
		return doc.disabled
			? [__("Disabled"), "gray", "disabled,=,1"]
			: [__("Offered", null, "Member Training Program"), "blue", "disabled,=,0"];
	},
};
