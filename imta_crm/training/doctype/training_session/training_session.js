// The server decides who gets a seat; this form asks it. What activities have, too, is in public/js/seating.
frappe.ui.form.on("Training Session", {
	setup(frm) {
		frm.set_query("program", () => ({ filters: { disabled: 0 } }));
	},

	refresh(frm) {
		if (frm.is_new()) return;
		const takes_people = ["Open", "Closed"].includes(frm.doc.status);
		const enrols = frm.has_perm("write") || frappe.user.has_role("Liaison Officer");
		const group = __("Enrol", null, "Training Session");
		if (takes_people && enrols) {
			frm.add_custom_button(__("People"), () => frm.events.enrol_people(frm), group);
			frm.add_custom_button(__("Group of an Organisation"), () => frm.events.enrol_group(frm), group);
		}
		if (!frm.has_perm("write")) return;
		if (takes_people) {
			frm.add_custom_button(__("Who Said Yes"), () => frm.events.enrol_answers(frm), group);
		}
		if (["Draft", "Open"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Announce"), () => frm.events.announce(frm));
		}
	},

	enrol_people(frm) {
		imta.seats.pick_people({
			title: __("Enrol People"),
			hint: __("In the order in which you choose them."),
			action: __("Enrol", null, "Training Session"),
			method: "imta_crm.seating.actions.find",
			fields: [{ fieldname: "remarks", fieldtype: "Small Text", label: __("Remarks") }],
			on_pick: (chosen, { remarks }) =>
				frm.events.enrol(frm, "imta_crm.training.sessions.enrol", { chosen, remarks }),
		});
	},

	enrol_group(frm) {
		const text = frappe.utils.escape_html;
		const session = frm.doc.name;
		const dialog = new frappe.ui.Dialog({
			title: __("Group of an Organisation"),
			fields: [
				{
					fieldname: "member",
					fieldtype: "Link",
					options: "IMTA Member",
					label: __("Member"),
					reqd: 1,
					onchange() {
						const member = dialog.get_value("member");
						const wrapper = dialog.get_field("people").$wrapper;
						wrapper.empty();
						if (!member) return;
						frappe
							.xcall("imta_crm.training.sessions.affiliates", { session, member })
							.then((rows) => {
								const lines = rows.map(
									(row) => `<div class="checkbox"><label><input type="checkbox" data-contact="${text(
										row.contact
									)}" ${row.status ? "disabled" : ""}> ${text(row.name)}
										<span class="text-muted small">${text(
											[row.position, row.email, row.status && __(row.status)].filter(Boolean).join(" · ")
										)}</span></label></div>`
								);
								wrapper.html(
									lines.join("") ||
										`<p class="text-muted">${__("This member has no affiliates on the day of the session.")}</p>`
								);
							});
					},
				},
				{ fieldname: "people", fieldtype: "HTML" },
				{ fieldname: "remarks", fieldtype: "Small Text", label: __("Remarks") },
			],
			primary_action_label: __("Enrol", null, "Training Session"),
			primary_action({ member, remarks }) {
				const contacts = dialog.$wrapper
					.find("[data-contact]:checked")
					.map((_index, box) => $(box).attr("data-contact"))
					.get();
				if (!contacts.length) {
					frappe.show_alert({ message: __("Choose somebody first."), indicator: "orange" });
					return;
				}
				dialog.hide();
				frm.events.enrol(frm, "imta_crm.training.sessions.enrol_group", { member, contacts, remarks });
			},
		});
		dialog.show();
	},

	enrol_answers(frm) {
		const text = frappe.utils.escape_html;
		frappe.xcall("imta_crm.training.sessions.answers", { session: frm.doc.name }).then((said) => {
			if (!said.campaigns.length) {
				frappe.msgprint(__("No campaign announces this session yet."));
				return;
			}
			const numbers = __("{0} asked: {1} yes, {2} no, {3} without an answer", [
				said.asked,
				said.yes,
				said.no,
				said.open,
			]);
			const lines = said.people.map(
				(row) => `<div class="checkbox"><label><input type="checkbox" data-invitation="${text(row.invitation)}" ${
					row.status ? "disabled" : "checked"
				}> ${text(row.name)} <span class="text-muted small">${text(
					[row.organisation, row.status && __(row.status)].filter(Boolean).join(" · ")
				)}</span></label></div>`
			);
			const dialog = new frappe.ui.Dialog({
				title: __("Who Said Yes"),
				fields: [
					{
						fieldname: "people",
						fieldtype: "HTML",
						options: `<p class="text-muted">${numbers}</p>${lines.join("")}`,
					},
				],
				primary_action_label: __("Enrol", null, "Training Session"),
				primary_action() {
					const invitations = dialog.$wrapper
						.find("[data-invitation]:checked:enabled")
						.map((_index, box) => $(box).attr("data-invitation"))
						.get();
					dialog.hide();
					if (!invitations.length) return;
					frm.events.enrol(frm, "imta_crm.training.sessions.enrol_answers", { invitations });
				},
			});
			dialog.show();
		});
	},

	enrol(frm, method, args) {
		return frappe
			.call({ method, args: { session: frm.doc.name, ...args }, freeze: true })
			.then(({ message }) => {
				imta.seats.tell(message);
				imta.seats.show(frm);
			});
	},

	announce(frm) {
		frappe.confirm(
			__("Make a campaign that invites to this session? You choose whom to invite; nothing is sent before it is approved."),
			() =>
				frappe
					.call({
						method: "imta_crm.training.sessions.announce",
						args: { session: frm.doc.name },
						freeze: true,
					})
					.then(({ message }) => message && frappe.set_route("Form", "Invitation Campaign", message))
		);
	},
});
