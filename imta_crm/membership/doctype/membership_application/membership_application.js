frappe.ui.form.on("Membership Application", {
	setup(frm) {
		// A member comes out of the approval, not out of the connections' plus sign.
		frm.can_make_methods = { "IMTA Member": () => false };
		frm.set_query("tier", () => ({
			filters: { disabled: 0, member_type: ["in", ["Any", frm.doc.applicant_type]] },
		}));
		frm.set_query("invoice_currency", () => ({ filters: { enabled: 1 } }));
	},

	refresh(frm) {
		const decided = ["Approved", "Rejected"].includes(frm.doc.workflow_state);
		if (decided) frm.disable_form();
		if (frm.doc.member) {
			frm.add_custom_button(__("Open Member"), () =>
				frappe.set_route("Form", "IMTA Member", frm.doc.member)
			);
		}
		show_intro(frm);
		show_duplicates(frm);
	},

	// The Council's decision is asked for where it is recorded, not left to be found in the form.
	before_workflow_action(frm) {
		const action = frm.selected_workflow_action;
		if (!["Approve", "Reject"].includes(action)) return;
		// Frappe freezes the page while the step runs; the dialog has to be reachable.
		frappe.dom.unfreeze();
		return ask_decision(frm, action).finally(() => frappe.dom.freeze());
	},
});

function ask_decision(frm, action) {
	const approve = action === "Approve";
	return new Promise((resolve, reject) => {
		let done = false;
		const dialog = new frappe.ui.Dialog({
			title: approve ? __("Admit {0}", [frm.doc.applicant_name]) : __("Reject the Application"),
			fields: [
				{
					fieldname: "council_decision_on",
					fieldtype: "Date",
					label: __("Decided on"),
					reqd: 1,
					default: frm.doc.council_decision_on || frappe.datetime.get_today(),
				},
				{
					fieldname: "council_reference",
					fieldtype: "Data",
					label: __("Reference of the Decision"),
					description: __("Number of the resolution or of the minutes"),
					reqd: 1,
					default: frm.doc.council_reference,
				},
				approve
					? {
							fieldname: "admitted_on",
							fieldtype: "Date",
							label: __("Member from"),
							description: __("Empty: the day of the Council's decision. Dues begin here."),
							default: frm.doc.admitted_on,
					  }
					: {
							fieldname: "rejection_reason",
							fieldtype: "Small Text",
							label: __("Reason for Rejection"),
							reqd: 1,
							default: frm.doc.rejection_reason,
					  },
				{
					fieldname: approve ? "tell_admission" : "tell_rejection",
					fieldtype: "Check",
					label: __("Tell the applicant"),
					description: approve
						? __("Welcome with the member number, to {0}", [frappe.utils.escape_html(frm.doc.email)])
						: __("Polite and without the reason, to {0}", [frappe.utils.escape_html(frm.doc.email)]),
					default: approve ? frm.doc.tell_admission : frm.doc.tell_rejection,
				},
			],
			primary_action_label: approve ? __("Approve") : __("Reject"),
			primary_action(values) {
				done = true;
				dialog.hide();
				frm.set_value(values)
					.then(() => (frm.is_dirty() ? frm.save() : null))
					.then(() => resolve(), reject);
			},
			on_hide() {
				if (!done) reject();
			},
		});
		dialog.show();
	});
}

function show_intro(frm) {
	const texts = {
		Submitted: __("Handed in. Begin the check when you take it on."),
		"Secretariat Check": __("Check the papers and the possible duplicates, then send it to the Council."),
		"Council Review": __("Approving makes the member, its contact and its number; where dues are owed, also the customer."),
	};
	frm.set_intro("");
	if (texts[frm.doc.workflow_state]) frm.set_intro(texts[frm.doc.workflow_state], "blue");
	if (frm.doc.dues_state === "Problem") show_dues_problem(frm);
}

function show_dues_problem(frm) {
	const why = frappe.utils.escape_html(frm.doc.dues_note || "").replace(/\n/g, "<br>");
	frm.set_intro(`${__("Admitted, but the dues of the running year could not be invoiced:")}<br>${why}`, "orange");
	// A decided form is read-only, so its own permissions say nothing any more.
	if (!frappe.user.has_role(["Membership Manager", "System Manager"])) return;
	frm.add_custom_button(__("Invoice Again"), () =>
		frappe
			.call({
				method: "imta_crm.dues.admission.bill_again",
				args: { application: frm.doc.name },
				freeze: true,
			})
			.then(() => frm.reload_doc())
	);
}

function show_duplicates(frm) {
	const wrapper = frm.fields_dict.duplicates_html.$wrapper.empty();
	const known = (frm.doc.__onload && frm.doc.__onload.duplicates) || [];
	const decided = ["Approved", "Rejected"].includes(frm.doc.workflow_state);
	const shown = Boolean(known.length) && !frm.is_new() && !decided;
	frm.toggle_display("duplicates_html", shown);
	if (!shown) return;
	const esc = (value) => frappe.utils.escape_html(value == null ? "" : String(value));
	const same = (value, mine) =>
		value && mine && String(value).toLowerCase() === String(mine).toLowerCase() ? "font-weight:600" : "";
	const columns = [{ head: __("This application"), doc: null }].concat(
		known.map((row) => ({
			head: `<a href="${frappe.utils.get_form_link(row.doctype, row.name)}">${esc(row.name)}</a>`,
			doc: row,
		}))
	);
	const rows = [
		[__("Name in English"), "applicant_name"],
		[__("Name in Own Script"), "applicant_name_local"],
		[__("Country/Region"), "country"],
		[__("E-mail"), "email"],
		[__("Tier"), "tier"],
	];
	const cells = (field) =>
		columns
			.map(({ doc }) => {
				const value = (doc || frm.doc)[field];
				const text = ["country", "tier"].includes(field) && value ? __(value) : value;
				return `<td style="${doc ? same(value, frm.doc[field]) : ""}">${esc(text)}</td>`;
			})
			.join("");
	wrapper.html(`
		<div class="form-message yellow">
			<b>${__("Possible duplicates")}</b>
			<div style="overflow-x:auto">
			<table class="table table-sm mb-0 mt-2" style="background:transparent">
				<tr><th></th>${columns.map((column) => `<th>${column.head}</th>`).join("")}</tr>
				${rows.map(([label, field]) => `<tr><td class="text-muted">${label}</td>${cells(field)}</tr>`).join("")}
				<tr><td class="text-muted">${__("Status")}</td>
				${columns.map(({ doc }) => `<td>${esc(__(doc ? doc.state : frm.doc.workflow_state, null, doc?.doctype))}</td>`).join("")}</tr>
			</table>
			</div>
		</div>`);
}
