frappe.ui.form.on("IMTA Member", {
	setup(frm) {
		frm.set_query("tier", () => ({
			filters: { disabled: 0, member_type: ["in", ["Any", frm.doc.member_type]] },
		}));
		frm.set_query("officer", () => ({
			query: "imta_crm.membership.doctype.imta_member.imta_member.officer_query",
		}));
		frm.set_query("primary_contact", () => ({
			query: "frappe.contacts.doctype.contact.contact.contact_query",
			filters: { link_doctype: "IMTA Member", link_name: frm.doc.name },
		}));
		frm.set_query("invoice_currency", () => ({ filters: { enabled: 1 } }));
	},

	refresh(frm) {
		frappe.dynamic_link = { doc: frm.doc, fieldname: "name", doctype: "IMTA Member" };
		frm.toggle_display(["contacts_section", "affiliates_section"], !frm.is_new());
		if (frm.is_new()) {
			frappe.contacts.clear_address_and_contact(frm);
			return;
		}
		frappe.contacts.render_address_and_contact(frm);
		imta_member.show_headline(frm);
		imta_member.show_affiliates(frm);
		imta_member.add_buttons(frm);
	},

	member_type(frm) {
		frm.set_value("tier", null);
	},

	country(frm) {
		if (frm.is_new()) frm.set_value("territory", null); // the server finds the region of the country
	},
});

const imta_member = {
	/** What the member owes by the ledger, one phrase for each currency; never added up across currencies. */
	show_headline(frm) {
		const standing = frm.doc.__onload?.standing;
		const parts = [];
		let color = "green";
		for (const balance of standing?.balances || []) {
			const money = (amount) => format_currency(amount, balance.currency);
			if (balance.overdue > 0) {
				color = "red";
				parts.push(
					__("{0} overdue since {1}", [
						money(balance.overdue),
						frappe.datetime.str_to_user(balance.overdue_since),
					])
				);
			}
			if (balance.outstanding - balance.overdue > 0) {
				if (color === "green") color = "blue";
				parts.push(__("{0} open, not due yet", [money(balance.outstanding - balance.overdue)]));
			}
			if (balance.credit > 0) {
				parts.push(__("{0} in the member's favour", [money(balance.credit)]));
			}
		}
		frm.dashboard.clear_headline();
		if (parts.length) {
			frm.dashboard.set_headline(parts.map(frappe.utils.escape_html).join(" · "), color);
		} else if (frm.doc.customer) {
			frm.dashboard.set_headline(__("Nothing is owed."), "green");
		}
	},

	show_affiliates(frm) {
		const rows = (frm.doc.__onload?.affiliates || []).map((row) => {
			const text = frappe.utils.escape_html;
			const until = row.to_date ? frappe.datetime.str_to_user(row.to_date) : "";
			return `<tr class="${row.is_current ? "" : "text-muted"}">
				<td><a href="/app/member-affiliate/${encodeURIComponent(row.name)}">${text(
				row.full_name || row.contact
			)}</a>
					${row.is_representative ? `<span class="indicator-pill blue">${__("Representative")}</span>` : ""}</td>
				<td>${text([row.position, row.position_zh].filter(Boolean).join(" · "))}</td>
				<td>${text(row.email_id || "")}</td>
				<td>${frappe.datetime.str_to_user(row.from_date)} – ${until}</td>
			</tr>`;
		});
		const table = rows.length
			? `<table class="table table-sm"><thead><tr><th>${__("Name")}</th><th>${__("Position")}</th>
				<th>${__("Email")}</th><th>${__("Time")}</th></tr></thead><tbody>${rows.join("")}</tbody></table>`
			: `<p class="text-muted">${__("Nobody is affiliated yet.")}</p>`;
		const $wrapper = frm.fields_dict.affiliates_html.$wrapper.html(table);
		if (frm.doc.member_type === "Organisation" && frappe.model.can_create("Member Affiliate")) {
			$(`<button class="btn btn-xs btn-default">${__("New Affiliate")}</button>`)
				.on("click", () => frappe.new_doc("Member Affiliate", { member: frm.doc.name }))
				.appendTo($wrapper);
		}
	},

	add_buttons(frm) {
		if (frappe.model.can_create("Liaison Contact")) {
			const button = frm.add_custom_button(__("Log Contact"), () => imta.liaison.log_contact(frm.doc.name));
			button.addClass("btn-primary");
		}
		if (frappe.model.can_create("Membership Change")) {
			for (const kind of frm.doc.__onload?.allowed_changes || []) {
				frm.add_custom_button(
					__(kind),
					() => frappe.new_doc("Membership Change", { member: frm.doc.name, change_type: kind }),
					__("Change Membership")
				);
			}
		}
		if (["Active", "In Arrears", "Emeritus"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Membership Card"), () => {
				const query = new URLSearchParams({
					doctype: frm.doctype,
					name: frm.doc.name,
					format: "Membership Card",
					no_letterhead: 1,
				});
				window.open(`/api/method/frappe.utils.print_format.download_pdf?${query}`);
			});
		}
		if (frappe.user.has_role(["Membership Manager", "System Manager"])) {
			frm.page.add_menu_item(__("Issue New Card"), () =>
				frappe.confirm(__("The card in circulation becomes worthless. Go on?"), () =>
					frappe
						.call({
							method: "imta_crm.membership.card.issue_new_card",
							args: { member: frm.doc.name },
							freeze: true,
						})
						.then(() => frm.reload_doc())
				)
			);
		}
		if (frm.doc.customer && frappe.model.can_read("Sales Invoice")) {
			frm.add_custom_button(
				__("Accounts Receivable"),
				() =>
					frappe.set_route("query-report", "Accounts Receivable", {
						party_type: "Customer",
						party: frm.doc.customer,
					}),
				__("View")
			);
		}
	},
};
