// Fees on the forms of Training Session and Alliance Activity. The server decides; this shows and asks.
frappe.provide("imta.fees");

imta.fees.TRIGGERS = ["Treasurer", "Training Coordinator", "System Manager"];

imta.fees.add_buttons = function (frm) {
	const may = imta.fees.TRIGGERS.some((role) => frappe.user.has_role(role));
	if (frm.is_new() || !may || frm.doc.status === "Draft") return;
	if (!(frm.doc.fees || []).length && !frm.doc.fees_invoiced_at) return;
	const group = __("Fees");
	frm.add_custom_button(__("What Will Be Invoiced"), () => imta.fees.preview(frm), group);
	frm.add_custom_button(__("Invoice Fees Now"), () => imta.fees.preview(frm, true), group);
	if (frappe.model.can_read("Sales Invoice")) {
		frm.add_custom_button(
			__("Fee Invoices"),
			() => frappe.set_route("List", "Sales Invoice", { imta_event: frm.doc.name }),
			group
		);
	}
};

/** Customer by customer what is to be invoiced and credited; with `and_invoice` it may be done from there. */
imta.fees.preview = function (frm, and_invoice = false) {
	return frappe
		.call("imta_crm.seating.billing.preview", { event_doctype: frm.doctype, event: frm.doc.name })
		.then(({ message }) => {
			const dialog = new frappe.ui.Dialog({
				title: __("What Will Be Invoiced"),
				size: "large",
				fields: [{ fieldname: "rows", fieldtype: "HTML", options: imta.fees.table(message) }],
			});
			if (and_invoice && message.customers.length) {
				dialog.set_primary_action(__("Invoice Fees Now"), () => {
					dialog.hide();
					imta.fees.invoice(frm);
				});
			}
			dialog.show();
		});
};

imta.fees.table = function ({ customers, is_due, booking_doctype }) {
	const text = frappe.utils.escape_html;
	if (!customers.length) return `<p class="text-muted">${__("Nothing is waiting to be invoiced or credited.")}</p>`;
	const rows = customers.map((group) => {
		const people = group.people.map((each) => {
			const link = `/app/${frappe.router.slug(booking_doctype)}/${encodeURIComponent(each.booking)}`;
			const problem = each.problem ? `<div class="text-danger small">${text(each.problem)}</div>` : "";
			return `<tr><td class="pl-4"><a href="${link}">${text(each.person)}</a>${
				each.is_credit ? ` <span class="text-muted">${__("Credit")}</span>` : ""
			}${problem}</td><td class="text-right">${format_currency(each.amount, each.currency)}</td></tr>`;
		});
		const totals = {};
		group.people.forEach((each) => (totals[each.currency] = (totals[each.currency] || 0) + each.amount));
		const total = Object.entries(totals).map(([currency, amount]) => format_currency(amount, currency));
		return `<tr><th>${text(group.name)}</th><th class="text-right">${total.join(
			"<br>"
		)}</th></tr>${people.join("")}`;
	});
	const when = is_due ? "" : `<p>${__("The day on which this is invoiced has not come yet.")}</p>`;
	return `${when}<table class="table table-sm"><tbody>${rows.join("")}</tbody></table>`;
};

imta.fees.invoice = function (frm) {
	const text = frappe.utils.escape_html;
	return frappe
		.call({
			method: "imta_crm.seating.billing.invoice_now",
			args: { event_doctype: frm.doctype, event: frm.doc.name },
			freeze: true,
		})
		.then(({ message }) => {
			if (message.queued) {
				frappe.show_alert({
					message: __("{0} customers are being invoiced in the background.", [message.queued]),
					indicator: "blue",
				});
				return;
			}
			const made = __("{0} invoices and {1} credit notes were made.", [
				message.invoices.length,
				message.credit_notes.length,
			]);
			const problems = message.problems.map(
				([who, problem]) => `<li><b>${text(who)}</b>: ${text(problem)}</li>`
			);
			frappe.msgprint({
				title: __("Fees"),
				indicator: problems.length ? "orange" : "green",
				message: problems.length ? `${made}<ul>${problems.join("")}</ul>` : made,
			});
			frm.reload_doc();
		});
};

["Training Session", "Alliance Activity"].forEach((doctype) =>
	frappe.ui.form.on(doctype, { refresh: (frm) => imta.fees.add_buttons(frm) })
);
