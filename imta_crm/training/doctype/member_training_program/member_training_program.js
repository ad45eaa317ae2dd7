frappe.ui.form.on("Member Training Program", {
	setup(frm) {
		frm.set_query("audience", () => ({ filters: { disabled: 0 } }));
		frm.set_query("program", "prerequisites", () => ({ filters: { name: ["!=", frm.doc.name || ""] } }));
	},

	refresh(frm) {
		if (frm.is_new() || frm.doc.disabled || !frappe.model.can_create("Training Session")) return;
		frm.add_custom_button(__("New Session"), () =>
			frappe.new_doc("Training Session", { program: frm.doc.name })
		);
	},
});
