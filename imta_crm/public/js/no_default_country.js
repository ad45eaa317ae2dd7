frappe.provide("imta");

/**
 * Leave a new document's country empty. Frappe fills in the site's own, before any script of the form runs.
 * A copy keeps what it was copied from.
 */
imta.no_default_country = function (frm) {
	if (!frm.is_new() || frm.doc.__run_link_triggers === false) return;
	if (frm.doc.country === frappe.defaults.get_user_default("country")) frm.doc.country = null;
};
