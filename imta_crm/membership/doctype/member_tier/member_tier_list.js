frappe.listview_settings["Member Tier"] = {
	add_fields: ["disabled", "is_exempt"],

	get_indicator(doc) {
		if (doc.disabled) return [__("Disabled"), "gray", "disabled,=,1"];
		if (doc.is_exempt) return [__("Exempt"), "blue", "is_exempt,=,1"];
		return [__("Owes Dues"), "green", "is_exempt,=,0|disabled,=,0"];
	},
};
