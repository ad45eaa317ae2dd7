frappe.provide("imta");

/**
 * Call a method of the document as it is saved.
 *
 * frm.call sends the form's own copy. While the form is being reloaded, after a save or by a message from the
 * server, there is no copy, and a quick click would end in an error.
 */
imta.call_saved = function (frm, method, options = {}) {
	return frappe.call({
		method: "run_doc_method",
		args: { dt: frm.doctype, dn: frm.docname, method },
		...options,
	});
};
