frappe.listview_settings["Do Not Invite"] = {
	add_fields: ["email", "domain", "party_name"],
	hide_name_column: true,

	// The name is a hash: a row is known by whom it is about. Of who was erased nothing is left to show.
	formatters: {
		name(value, _df, doc) {
			return doc.email || (doc.domain && `@${doc.domain}`) || doc.party_name || value;
		},
	},
};
