// What a certificate is today follows from its days: one that has expired is not shown as valid.
frappe.listview_settings["Training Certificate"] = {
	add_fields: ["status", "valid_until", "renewed_by"],

	get_indicator(doc) {
		const [state, color, filter] =
			doc.status === "Revoked"
				? ["Revoked", "red", "status,=,Revoked"]
				: doc.renewed_by
					? ["Renewed", "blue", "renewed_by,is,set"]
					: doc.valid_until && doc.valid_until < frappe.datetime.get_today()
						? ["Expired", "orange", `valid_until,<,${frappe.datetime.get_today()}`]
						: ["Valid", "green", "status,=,Valid"];
		return [__(state, null, "Training Certificate"), color, filter];
	},
};
