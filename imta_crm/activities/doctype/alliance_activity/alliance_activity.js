// Registering, inviting, badges and who took part. Seats and steps are in seating/event_form.js.
const ROLES = ["Speaker", "Exhibitor", "Delegate", "Guest"];
const DELEGATE = "Activity Delegate";

frappe.ui.form.on("Alliance Activity", {
	setup(frm) {
		frm.set_query("tiers", () => ({ filters: { disabled: 0 } }));
	},

	refresh(frm) {
		frm.get_field("registration_html").$wrapper.empty();
		frm.get_field("results_html").$wrapper.empty();
		if (frm.is_new()) return;
		frm.events.show_registration(frm);
		frm.events.show_overview(frm);
		frm.events.add_buttons(frm);
	},

	programme_add(frm, cdt, cdn) {
		const rows = frm.doc.programme;
		const before = rows[rows.length - 2];
		frappe.model.set_value(cdt, cdn, "starts_at", before ? before.ends_at || before.starts_at : frm.doc.starts_at);
	},

	add_buttons(frm) {
		const { status } = frm.doc;
		const is_over = ["Held", "Cancelled"].includes(status);
		const runs = frm.has_perm("write");
		const officer = frappe.user.has_role("Liaison Officer");
		if (!is_over && (runs || officer)) {
			frm.add_custom_button(__("Register People of a Member"), () => register_member(frm), __("Delegates"));
		}
		if (!is_over && runs) {
			frm.add_custom_button(__("Register a Guest or Speaker"), () => register_guest(frm), __("Delegates"));
			frm.add_custom_button(
				__("Register Those Who Said Yes"),
				() => register_accepted(frm),
				__("Delegates")
			);
			frm.add_custom_button(__("Invite"), () => invite(frm));
		}
		frm.add_custom_button(
			__("List of Delegates"),
			() => frappe.set_route("List", DELEGATE, { activity: frm.doc.name }),
			__("Delegates")
		);
		if (runs && status !== "Cancelled") {
			frm.add_custom_button(__("Print Badges"), () => print_badges(frm.doc.name), __("Delegates"));
		}
		if (runs && status === "Held") {
			frm.add_custom_button(__("Nobody Else Came"), () => nobody_else(frm), __("Delegates"));
		}
	},

	// Where people register by themselves

	show_registration(frm) {
		if (frm.doc.audience !== "Everybody" || frm.doc.status === "Draft") return;
		const address = `${window.location.origin}/register/${frm.doc.name.toLowerCase()}`;
		const text = frappe.utils.escape_html;
		frm.get_field("registration_html").$wrapper.html(
			`<div class="form-group"><label class="control-label">${__("Registration Page")}</label>
			<div><a href="${text(address)}" target="_blank" rel="noopener">${text(address)}</a>
			<button class="btn btn-xs btn-default ml-2">${__("Copy")}</button></div></div>`
		);
		frm.get_field("registration_html").$wrapper.find("button").on("click", () => {
			frappe.utils.copy_to_clipboard(address);
		});
	},

	// Who was asked, who took part

	show_overview(frm) {
		const { name } = frm.doc;
		frappe.xcall("imta_crm.activities.results.overview", { activity: name }).then((said) => {
			if (frm.doc.name !== name) return;
			show_answers(frm, said.answers);
			show_groups(frm, said.groups);
		});
	},
});

frappe.ui.form.on("Activity Programme Item", {
	programme_add(frm, cdt, cdn) {
		frm.events.programme_add(frm, cdt, cdn);
	},
});

function show_answers(frm, answers) {
	if (!answers.asked && !answers.campaigns.length) return;
	const text = frappe.utils.escape_html;
	const pill = (label, number, color) =>
		`<span class="indicator-pill ${color} no-indicator-dot mr-2 mb-2">${text(label)}: ${number}</span>`;
	const links = answers.campaigns
		.map((each) => {
			const role = each.role ? ` · ${__(each.role, null, DELEGATE)}` : "";
			const link = frappe.utils.get_form_link("Invitation Campaign", each.campaign);
			return `<a href="${link}">${text(each.campaign_name)}</a>
				<span class="text-muted">${__(each.state)}${text(role)}</span>`;
		})
		.join(", ");
	frm.dashboard.add_section(
		`<div class="d-flex flex-wrap">
		${pill(__("Asked"), answers.asked, "gray")}
		${pill(__("Said Yes"), answers.yes, "green")}
		${pill(__("Registered of These"), answers.registered, answers.registered < answers.yes ? "orange" : "green")}
		${pill(__("Said No"), answers.no, "red")}
		${pill(__("No Answer Yet"), answers.open, "blue")}
		</div><div>${links}</div>`,
		__("Invitations")
	);
	frm.dashboard.show();
}

function show_groups(frm, groups) {
	const text = frappe.utils.escape_html;
	const titles = {
		delegate_role: __("By Role"),
		tier: __("By Tier"),
		country: __("By Country/Region"),
		participant_type: __("Members, Guests, Staff"),
	};
	const none = { tier: __("No Tier"), country: __("Not Said") };
	const label = (field, value) => {
		if (!value) return none[field] || "";
		return ["delegate_role", "participant_type"].includes(field) ? __(value, null, DELEGATE) : __(value);
	};
	const tables = Object.entries(groups)
		.filter(([_field, rows]) => rows.length)
		.map(([field, rows]) => {
			const lines = rows.map((row) => {
				const query = new URLSearchParams({ activity: frm.doc.name, [field]: row.value });
				const name = row.value
					? `<a href="/app/activity-delegate?${query}">${text(label(field, row.value))}</a>`
					: text(label(field, row.value));
				return `<tr><td>${name}</td><td class="text-right">${row.seats}</td>
					<td class="text-right">${row.attended}</td><td class="text-right">${row.no_shows}</td></tr>`;
			});
			return `<div class="col-md-6"><h6>${titles[field]}</h6>
				<table class="table table-sm table-bordered"><thead><tr><th></th>
				<th class="text-right">${__("Seats")}</th><th class="text-right">${__("Attended")}</th>
				<th class="text-right">${__("No-show")}</th></tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
		});
	frm.get_field("results_html").$wrapper.html(
		tables.length
			? `<div class="row">${tables.join("")}</div>`
			: `<p class="text-muted">${__("Nobody has a seat yet.")}</p>`
	);
}

function register_member(frm) {
	let rows = [];
	const dialog = new frappe.ui.Dialog({
		title: __("Register People of a Member"),
		fields: [
			{
				fieldname: "member",
				fieldtype: "Link",
				options: "IMTA Member",
				label: __("Member"),
				reqd: 1,
				onchange: () => load(),
			},
			{ fieldname: "column", fieldtype: "Column Break" },
			{
				fieldname: "role",
				fieldtype: "Select",
				label: __("Role", null, DELEGATE),
				options: ROLES.map((value) => ({ value, label: __(value, null, DELEGATE) })),
				default: "Delegate",
			},
			{ fieldname: "section", fieldtype: "Section Break" },
			{ fieldname: "people", fieldtype: "HTML" },
			{ fieldname: "remarks", fieldtype: "Small Text", label: __("Remarks") },
		],
		primary_action_label: __("Register"),
		primary_action({ member, role, remarks }) {
			const people_given = dialog.$wrapper
				.find("[data-contact]:checked")
				.map((_index, box) => ({ contact: $(box).attr("data-contact") }))
				.get();
			if (!people_given.length) {
				frappe.show_alert({ message: __("Choose whom to register."), indicator: "orange" });
				return;
			}
			send(frm, dialog, { people_given, member, role, remarks });
		},
	});
	const show = () => {
		const text = frappe.utils.escape_html;
		const lines = rows.map((row) => {
			const more = [row.name_local, row.position, row.email].filter(Boolean).map(text).join(" · ");
			const state = row.status
				? `<span class="indicator-pill ${imta.seats?.COLORS[row.status] || "gray"}">${__(row.status)}</span>`
				: "";
			return `<div class="checkbox"><label><input type="checkbox" data-contact="${text(row.contact)}"
				${row.status ? "disabled" : ""}> ${text(row.name)} <span class="text-muted">${more}</span></label>
				${state}</div>`;
		});
		dialog.fields_dict.people.$wrapper.html(
			lines.join("") ||
				`<p class="text-muted">${
					dialog.get_value("member")
						? __("This member has no people yet; add a Member Affiliate first.")
						: __("Choose a member.")
				}</p>`
		);
	};
	const load = () => {
		const member = dialog.get_value("member");
		rows = [];
		if (!member) return show();
		return frappe
			.xcall("imta_crm.activities.desk.colleagues", { activity: frm.doc.name, member })
			.then((found) => {
				rows = found;
				show();
			});
	};
	dialog.show();
	show();
}

function register_guest(frm) {
	const dialog = new frappe.ui.Dialog({
		title: __("Register a Guest or Speaker"),
		fields: [
			{ fieldname: "name", fieldtype: "Data", label: __("Name"), reqd: 1 },
			{ fieldname: "name_local", fieldtype: "Data", label: __("Name in Own Script") },
			{ fieldname: "email", fieldtype: "Data", options: "Email", label: __("E-mail"), reqd: 1 },
			{
				fieldname: "role",
				fieldtype: "Select",
				label: __("Role", null, DELEGATE),
				options: ROLES.map((value) => ({ value, label: __(value, null, DELEGATE) })),
				default: "Guest",
				reqd: 1,
			},
			{ fieldname: "column", fieldtype: "Column Break" },
			{ fieldname: "organisation", fieldtype: "Data", label: __("Organisation") },
			{ fieldname: "position", fieldtype: "Data", label: __("Position") },
			{ fieldname: "country", fieldtype: "Link", options: "Country", label: __("Country/Region") },
			{ fieldname: "remarks", fieldtype: "Small Text", label: __("Remarks") },
		],
		primary_action_label: __("Register"),
		primary_action({ remarks, role, ...person }) {
			send(frm, dialog, { people_given: [{ ...person, role }], remarks });
		},
	});
	dialog.show();
}

function send(frm, dialog, args) {
	frappe
		.call({
			method: "imta_crm.activities.desk.register",
			args: { activity: frm.doc.name, ...args },
			freeze: true,
		})
		.then(({ message }) => {
			if (!message) return;
			dialog.hide();
			imta.seats.tell(message, __("Registered"));
			frm.reload_doc();
		});
}

function invite(frm) {
	frappe.prompt(
		[
			{
				fieldname: "role",
				fieldtype: "Select",
				label: __("Invited As", null, "Invitation Campaign"),
				options: [
					{ value: "", label: __("Members as delegates, others as guests") },
					...ROLES.map((value) => ({ value, label: __(value, null, DELEGATE) })),
				],
				description: __("An Invitation Campaign is made. Add whom to invite, and have it approved."),
			},
		],
		({ role }) =>
			frappe
				.call({
					method: "imta_crm.activities.campaign.invite",
					args: { activity: frm.doc.name, role },
					freeze: true,
				})
				.then(({ message }) => message && frappe.set_route("Form", "Invitation Campaign", message)),
		__("Invite"),
		__("Go to Campaign")
	);
}

function register_accepted(frm) {
	frappe
		.call({
			method: "imta_crm.activities.campaign.register_accepted",
			args: { activity: frm.doc.name },
			freeze: true,
		})
		.then(({ message: said }) => {
			if (!said) return;
			if (said.queued) {
				frappe.show_alert(
					__("{0} people are registered in the background; you are told when it is done.", [
						said.queued,
					])
				);
				return;
			}
			const text = frappe.utils.escape_html;
			const numbers = [
				[__("Registered"), said.registered],
				[__("On the Waitlist"), said.waitlisted],
				[__("Registered Already"), said.already],
				[__("Have Cancelled Since"), said.cancelled],
			].filter(([_label, number]) => number);
			const refused = said.refused.map((row) => `<li>${text(row.name)}: ${text(row.reason)}</li>`);
			if (said.more_refused) refused.push(`<li>${__("and {0} more", [said.more_refused])}</li>`);
			frappe.msgprint({
				title: __("Register Those Who Said Yes"),
				indicator: refused.length ? "orange" : "green",
				message:
					(numbers.map(([label, number]) => `${text(label)}: ${number}`).join("<br>") ||
						__("Nobody has said yes yet.")) + (refused.length ? `<ul>${refused.join("")}</ul>` : ""),
			});
			frm.reload_doc();
		});
}

function nobody_else(frm) {
	frappe.confirm(__("Whoever was not checked in is noted as a no-show. Go on?"), () =>
		frappe
			.call({
				method: "imta_crm.activities.results.nobody_else_came",
				args: { activity: frm.doc.name },
				freeze: true,
			})
			.then(({ message }) => {
				frappe.show_alert({ message: __("No-shows noted: {0}", [message || 0]), indicator: "blue" });
				frm.reload_doc();
			})
	);
}

function print_badges(activity) {
	const query = new URLSearchParams({ activity });
	window.open(`/api/method/imta_crm.activities.badges.print_badges?${query}`);
}
