// What the forms of Training Enrollment and Activity Delegate have in common.
frappe.provide("imta.seats");

imta.seats.BOOKINGS = {
	"Training Enrollment": { event: "Training Session", field: "session" },
	"Activity Delegate": { event: "Alliance Activity", field: "activity" },
};

// Steps of the workflow that need words: they are taken by the server, which tells the person.
imta.seats.WITH_REASON = {
	Refuse: { method: "refuse", hint: () => __("The person is told this reason.") },
	"Cancel Enrolment": {
		method: "cancel",
		hint: () => __("The person is told this reason. The seat is offered to the next in line."),
	},
};
imta.seats.WITH_REASON["Cancel Registration"] = imta.seats.WITH_REASON["Cancel Enrolment"];

imta.seats.booking_handlers = {
	setup(frm) {
		imta.say_option(frm, "status");
		const { field } = imta.seats.BOOKINGS[frm.doctype];
		frm.set_query(field, () => ({ filters: { status: ["in", ["Open", "Closed"]] } }));
	},

	onload(frm) {
		const zones = moment.tz?.names?.() || [];
		if (zones.length) frm.fields_dict.time_zone.set_data(zones);
	},

	refresh(frm) {
		if (frm.is_new()) {
			frm.set_intro(__("Save to ask for a seat: the server says whether there is one."), "blue");
			return;
		}
		if (frm.doc.status === "Confirmed" && frm.has_perm("write")) {
			frm.add_custom_button(__("Hand Over to a Colleague"), () => imta.seats.transfer(frm));
		}
		if (["System Manager", "Membership Manager", "Training Coordinator"].some((role) => frappe.user.has_role(role))) {
			frm.page.add_menu_item(__("Erase the Person"), () => imta.seats.forget(frm));
		}
		if (frm.doc.transferred_from) {
			const link = frappe.utils.get_form_link(frm.doctype, frm.doc.transferred_from, true);
			frm.set_intro(__("Took over the seat of {0}", [link]), "blue");
		}
	},

	before_workflow_action(frm) {
		const step = imta.seats.WITH_REASON[frm.selected_workflow_action];
		if (!step) return;
		// Frappe has frozen the page, also for the question.
		frappe.dom.unfreeze();
		const title = __(frm.selected_workflow_action);
		// The step is taken with its reason, or not at all; Frappe, which waits for this, never goes on without.
		return new Promise(() => {
			imta.seats
				.ask_reason(title, step.hint())
				.then((reason) =>
					frappe.call({
						method: `imta_crm.seating.actions.${step.method}`,
						args: { booking_doctype: frm.doctype, booking: frm.doc.name, reason },
						freeze: true,
					})
				)
				.then(() => frm.reload_doc())
				.catch(() => {});
		});
	},

	after_workflow_action(frm) {
		frm.reload_doc();
	},
};

imta.seats.forget = function (frm) {
	frappe.confirm(
		__("Erase this person from all sessions and activities, with letters and certificates? Hours and numbers stay, without a name. It cannot be undone."),
		() =>
			frappe
				.call({
					method: "imta_crm.training.personal_data.forget",
					args: { booking_doctype: frm.doctype, booking: frm.doc.name },
					freeze: true,
				})
				.then(() => frm.reload_doc())
	);
};

imta.seats.transfer = function (frm) {
	const booking = { booking_doctype: frm.doctype, booking: frm.doc.name };
	imta.seats.pick_people({
		title: __("Hand Over to a Colleague"),
		hint: __("Of the same organisation. The fee stays paid; the seat is never free in between."),
		action: __("Hand Over"),
		method: "imta_crm.seating.actions.find_colleagues",
		args: booking,
		single: true,
		on_pick: ([to]) =>
			frappe
				.call({ method: "imta_crm.seating.actions.transfer", args: { ...booking, to }, freeze: true })
				.then(({ message }) => message && frappe.set_route("Form", frm.doctype, message)),
	});
};

// The file comes with each of the two forms; their handlers are there once.
if (!imta.seats.has_booking_handlers) {
	imta.seats.has_booking_handlers = true;
	Object.keys(imta.seats.BOOKINGS).forEach((doctype) =>
		frappe.ui.form.on(doctype, imta.seats.booking_handlers)
	);
}
