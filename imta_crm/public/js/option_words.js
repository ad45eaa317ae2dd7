frappe.provide("imta");

imta.EVENT_COLOURS = { Draft: "gray", Open: "blue", Closed: "orange", Held: "green", Cancelled: "red" };

/** Indicator of a list of sessions or activities. Frappe itself would say the states without their context. */
imta.event_indicator = (doctype) => (doc) =>
	[__(doc.status, null, doctype), imta.EVENT_COLOURS[doc.status] || "gray", `status,=,${doc.status}`];

/**
 * A field that cannot be edited shows its option in the words of its own DocType.
 * Frappe leaves out the context there, and does not translate a link to a Workflow State at all.
 */
imta.say_option = function (frm, fieldname) {
	const say = (value) => frappe.utils.escape_html(__(value || "", null, frm.doctype));
	frappe.meta.get_docfield(frm.doctype, fieldname).formatter = say;
	const field = frm.fields_dict[fieldname];
	field.df.formatter = say;
	if (field.df.fieldtype !== "Link") return;
	field.set_disp_area = function (value) {
		if (this.disp_area) $(this.disp_area).html(say(value));
	};
};
