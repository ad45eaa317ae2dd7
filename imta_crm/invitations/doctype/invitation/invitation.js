// The form shows what the server found; every decision is the server's.
const TOUCH_COLORS = {
	Queued: "blue",
	Sent: "green",
	Failed: "red",
	Bounced: "red",
	Unknown: "orange",
	"To Do": "yellow",
	Done: "green",
	Skipped: "gray",
};

frappe.ui.form.on("Invitation", {
	setup(frm) {
		frm.set_query("campaign", () => ({
			filters: { workflow_state: ["not in", ["Completed", "Cancelled"]] },
		}));
		frm.set_query("officer", () => ({ filters: { enabled: 1, user_type: "System User" } }));
	},

	onload(frm) {
		// The site's own country is no prospect's by default.
		imta.no_default_country(frm);
	},

	refresh(frm) {
		frm.set_intro("");
		frm.fields_dict.duplicate_html.$wrapper.empty();
		frm.fields_dict.touches_html.$wrapper.empty();
		// The comparison says it, with the names.
		frm.toggle_display(["duplicate_of", "duplicate_reason"], frm.doc.status !== "Held");
		if (frm.is_new()) return;
		frm.trigger("show_touches");
		frm.trigger("show_duplicate");
		frm.trigger("add_buttons");
	},

	add_buttons(frm) {
		if (!frm.perm[0].write) return;
		if (((frm.doc.__onload || {}).replies || []).length) {
			frm.add_custom_button(__("Record Reply"), () => frm.trigger("record_reply"));
		}
		if (frm.doc.status === "Interested" && frm.doc.purpose === "Membership" && !frm.doc.application) {
			frm.add_custom_button(__("Start Application"), () => frm.trigger("start_application"));
		}
		if ((frm.doc.__onload || {}).may_withdraw) {
			frm.add_custom_button(__("Withdraw"), () => frm.trigger("withdraw"));
		}
		if (frappe.user.has_role(["Membership Manager", "System Manager"])) {
			frm.page.add_menu_item(__("Erase Personal Data"), () => frm.trigger("forget"));
		}
	},

	// The draft was deleted, or could not be made when the answer came.
	start_application(frm) {
		frappe
			.call({
				method: "imta_crm.invitations.conversion.start_application",
				args: { invitation: frm.doc.name },
				freeze: true,
			})
			.then(() => frm.reload_doc());
	},

	// What was sent

	show_touches(frm) {
		const touches = (frm.doc.__onload || {}).touches || [];
		const $area = frm.fields_dict.touches_html.$wrapper;
		if (!touches.length) {
			$area.html(`<p class="text-muted">${__("Nothing yet.")}</p>`);
			return;
		}
		const text = (value) => frappe.utils.escape_html(value || "");
		const rows = touches.map(
			(touch) => `<tr>
				<td><a href="/app/invitation-touch/${encodeURIComponent(touch.name)}">${text(touch.step_title)}</a></td>
				<td class="text-nowrap">${__(touch.channel, null, "Invitation Touch")}</td>
				<td class="text-nowrap"><span class="indicator-pill ${TOUCH_COLORS[touch.status] || "gray"}">${__(
				touch.status,
				null,
				"Invitation Touch"
			)}</span></td>
				<td>${frappe.datetime.str_to_user(touch.sent_at || touch.made_at) || ""}</td>
				<td>${text(touch.subject || touch.email)}${
				touch.problem ? `<br><span class="text-danger">${text(touch.problem)}</span>` : ""
			}</td>
			</tr>`
		);
		$area.html(`<div class="table-responsive"><table class="table table-bordered table-condensed small">
			<thead><tr><th>${__("Step")}</th><th>${__("By", null, "Invitation Touch")}</th><th>${__("Status")}</th><th>${__("When")}</th><th>${__(
			"Subject"
		)}</th></tr></thead>
			<tbody>${rows.join("")}</tbody></table></div>`);
	},

	// Is this the same?

	show_duplicate(frm) {
		const found = (frm.doc.__onload || {}).duplicate;
		if (frm.doc.status !== "Held") return;
		const $area = frm.fields_dict.duplicate_html.$wrapper;
		const may = frm.perm[0].write;
		if (!found || !found.rows || found.hidden) {
			$area.html(
				`<p>${
					found && found.hidden
						? __("You may not see the other record; ask a membership manager to decide.")
						: __("The other record is gone.")
				}</p>`
			);
			if (may && !(found && found.hidden)) frm.events.add_decision(frm, $area, false);
			return;
		}
		const text = (value) => frappe.utils.escape_html(value || "");
		const choice = (row, side) => {
			const differs = row.this && row.other && row.this !== row.other;
			const checked = side === "other" ? "checked" : "";
			const value = text(row[side]);
			if (!differs || !may) return value;
			return `<label><input type="radio" name="keep-${row.field}" data-field="${row.field}" value="${side}" ${checked}> ${value}</label>`;
		};
		const rows = found.rows.map(
			(row) => `<tr class="${row.this !== row.other ? "differs" : ""}">
				<td class="text-muted">${text(row.label)}</td><td>${choice(row, "this")}</td><td>${choice(row, "other")}</td></tr>`
		);
		const link = `<a href="/app/${frappe.router.slug(found.doctype)}/${encodeURIComponent(found.name)}">${text(
			found.label
		)} ${text(found.name)}</a>`;
		$area.html(`<p>${text(frm.doc.duplicate_reason)}</p>
			<div class="table-responsive"><table class="table table-bordered table-condensed imta-side-by-side">
			<thead><tr><th></th><th>${__("This Invitation")}</th><th>${link} <span class="text-muted">${text(
			found.status
		)}</span></th></tr></thead>
			<tbody>${rows.join("")}</tbody></table></div>
			<p class="text-muted">${__("If it is the same: {0}", [text(found.effect)])}</p>`);
		if (may) frm.events.add_decision(frm, $area, true);
	},

	add_decision(frm, $area, may_merge) {
		const $buttons = $('<div class="flex" style="gap: var(--margin-sm)"></div>').appendTo($area);
		$(`<button class="btn btn-default btn-sm">${__("Different: Invite")}</button>`)
			.appendTo($buttons)
			.on("click", () => frm.events.decide(frm, "Different"));
		if (!may_merge) return;
		$(`<button class="btn btn-primary btn-sm">${__("The Same: Merge")}</button>`)
			.appendTo($buttons)
			.on("click", () => {
				const choices = {};
				$area.find("input[type=radio]:checked").each((_i, input) => {
					choices[input.dataset.field] = input.value;
				});
				frm.events.decide(frm, "Same", choices);
			});
	},

	decide(frm, decision, choices = {}) {
		return frappe
			.call({
				method: "imta_crm.invitations.duplicates.decide",
				args: { invitation: frm.doc.name, decision, choices },
				freeze: true,
			})
			.then(() => frm.reload_doc());
	},

	// Replies that came another way

	record_reply(frm) {
		const dialog = new frappe.ui.Dialog({
			title: __("Record Reply"),
			fields: [
				{
					fieldname: "reply",
					fieldtype: "Select",
					label: __("Reply"),
					reqd: 1,
					options: frm.doc.__onload.replies.map((value) => ({
						value,
						label: __(value, null, "Invitation"),
					})),
				},
				{
					fieldname: "later_on",
					fieldtype: "Date",
					label: __("Write Again On"),
					depends_on: "eval:doc.reply=='Later'",
					mandatory_depends_on: "eval:doc.reply=='Later'",
				},
				{
					fieldname: "referral_name",
					fieldtype: "Data",
					label: __("Name of the Right Person"),
					depends_on: "eval:doc.reply=='Wrong Person'",
				},
				{
					fieldname: "referral_email",
					fieldtype: "Data",
					options: "Email",
					label: __("E-mail of the Right Person"),
					depends_on: "eval:doc.reply=='Wrong Person'",
				},
				{ fieldname: "comment", fieldtype: "Small Text", label: __("Comment") },
			],
			primary_action_label: __("Save"),
			primary_action: (values) =>
				frappe
					.call({
						method: "imta_crm.invitations.replies.record_by_officer",
						args: { invitation: frm.doc.name, ...values },
						freeze: true,
					})
					.then(() => {
						dialog.hide();
						frm.reload_doc();
					}),
		});
		dialog.show();
	},

	forget(frm) {
		frappe.warn(
			__("Erase this person?"),
			__("Name and address go from all campaigns and cannot be brought back. The person is never invited again."),
			() =>
				frappe
					.call({
						method: "imta_crm.invitations.personal_data.forget",
						args: { invitation: frm.doc.name },
						freeze: true,
					})
					.then(() => frm.reload_doc()),
			__("Erase")
		);
	},

	withdraw(frm) {
		frappe.prompt(
			{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1 },
			({ reason }) =>
				frappe
					.call({
						method: "run_doc_method",
						args: { dt: frm.doctype, dn: frm.docname, method: "withdraw", args: { reason } },
						freeze: true,
					})
					.then(() => frm.reload_doc()),
			__("Withdraw Invitation"),
			__("Withdraw")
		);
	},
});
