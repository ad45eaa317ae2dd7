// What the forms of Training Session and Alliance Activity have in common. The server decides; this shows it.
frappe.provide("imta.seats");

// Named by the statuses of the document; the words are asked for when they are shown.
imta.seats.EVENTS = {
	"Training Session": {
		booking: "Training Enrollment",
		field: "session",
		open: () => __("Open for Enrolment"),
		cancel: () => __("Cancel Session"),
		list: () => __("Enrolments"),
	},
	"Alliance Activity": {
		booking: "Activity Delegate",
		field: "activity",
		open: () => __("Open for Registration"),
		cancel: () => __("Cancel Activity"),
		list: () => __("Delegates"),
	},
};

imta.seats.COLORS = {
	Requested: "orange",
	Confirmed: "blue",
	Waitlisted: "yellow",
	Offered: "cyan",
	Cancelled: "gray",
	Attended: "green",
	Completed: "green",
	"No-show": "red",
};

imta.seats.pill = (label, number, color, route) => {
	const text = frappe.utils.escape_html;
	const inner = number === undefined ? text(label) : `${text(label)}: ${text(String(number))}`;
	const tag = route ? "a" : "span";
	return `<${tag} class="indicator-pill ${color} no-indicator-dot mr-2 mb-2"${
		route ? ` href="${text(route)}"` : ""
	}>${inner}</${tag}>`;
};

imta.seats.list_route = (frm, status) => {
	const { booking, field } = imta.seats.EVENTS[frm.doctype];
	const query = { [field]: frm.doc.name, ...(status ? { status } : {}) };
	return `/app/${frappe.router.slug(booking)}?${new URLSearchParams(query)}`;
};

/** What became of several people, each by name. */
imta.seats.tell = function (outcomes, title) {
	const text = frappe.utils.escape_html;
	const lines = (outcomes || []).map((each) => {
		if (!each.status) {
			return `<tr><td>${text(each.person)}</td><td><span class="indicator red">${each.problems
				.map(text)
				.join("<br>")}</span></td></tr>`;
		}
		const place = each.place ? ` (${__("place {0}", [each.place])})` : "";
		const already = each.already ? ` · ${__("was enrolled already")}` : "";
		return `<tr><td>${text(each.person)}</td><td><span class="indicator ${
			imta.seats.COLORS[each.status]
		}">${__(each.status)}${place}</span>${already}</td></tr>`;
	});
	const refused = (outcomes || []).some((each) => !each.status);
	frappe.msgprint({
		title: title || __("Enrolled"),
		indicator: refused ? "orange" : "green",
		message: lines.length
			? `<table class="table table-sm mb-0"><tbody>${lines.join("")}</tbody></table>`
			: __("Nobody was enrolled."),
	});
};

// By the clock of the event. Frappe would take them for the site's and show them by the user's.
const MOMENTS = ["starts_at", "ends_at", "enroll_from", "enroll_until", "cancel_until", "reserved_until"];
imta.seats.MOMENTS = {
	"Training Session": MOMENTS,
	"Alliance Activity": MOMENTS,
	"Activity Programme Item": ["starts_at", "ends_at"],
};

imta.seats.format_moment = (value) => {
	if (!value) return "";
	const format = `${frappe.datetime.get_user_date_fmt().toUpperCase()} ${frappe.datetime.get_user_time_fmt()}`;
	return moment(value, frappe.defaultDatetimeFormat).format(format);
};

/** A control that shows and takes the times of an event as they are, whatever the user's time zone is. */
imta.seats.with_event_clock = (Control) =>
	class extends Control {
		get keeps_clock() {
			return (imta.seats.MOMENTS[this.df.parent] || []).includes(this.df.fieldname);
		}

		format_for_input(value) {
			return this.keeps_clock ? imta.seats.format_moment(value) : super.format_for_input(value);
		}

		get_start_date() {
			if (!this.keeps_clock) return super.get_start_date();
			return this.value ? frappe.datetime.str_to_obj(this.value) : undefined;
		}

		parse(value) {
			if (!this.keeps_clock || !value) return super.parse(value);
			const stored = frappe.datetime.user_to_str(value, false);
			if (stored === "Invalid date") return "";
			// The picker may know no seconds: showing a time is not changing it.
			const before = this.get_model_value();
			return before && stored === `${before.slice(0, 16)}:00` ? before : stored;
		}

		set_description() {
			if (this.keeps_clock) this.df.hide_timezone = 1;
			super.set_description();
		}
	};

/** What is only shown is shown by the clock of the event, too: in the form and in the rows of its tables. */
imta.seats.keep_clock = function (frm) {
	Object.entries(imta.seats.MOMENTS).forEach(([doctype, fields]) =>
		fields.forEach((fieldname) => {
			const field = frappe.meta.docfield_map[doctype]?.[fieldname];
			if (field) field.formatter = imta.seats.format_moment;
		})
	);
	MOMENTS.map((fieldname) => frm.fields_dict[fieldname])
		.filter(Boolean)
		.forEach((control) => {
			// Each document has field definitions of its own, a control is there once.
			const { user } = frappe.boot.time_zone || {};
			const description = (control.df.description || "").replace(`<br>${user}`, "");
			Object.assign(control.df, {
				hide_timezone: 1,
				formatter: imta.seats.format_moment,
				description: description === user ? "" : description,
			});
			if (control.$wrapper) control.set_description();
			if (control instanceof frappe.ui.form.ControlDatetime) return;
			// Those of the first form were made before this script was read.
			Object.setPrototypeOf(control, frappe.ui.form.ControlDatetime.prototype);
			control.refresh_input?.();
		});
	const grid = frm.fields_dict.programme?.grid;
	if (!grid) return;
	imta.seats.MOMENTS["Activity Programme Item"].forEach((fieldname) =>
		grid.update_docfield_property(fieldname, "formatter", imta.seats.format_moment)
	);
	// Rows may have been drawn before.
	if (grid.grid_rows?.length) grid.refresh();
};

imta.seats.event_handlers = {
	setup(frm) {
		imta.seats.keep_clock(frm);
		imta.say_option(frm, "status");
		frm.set_query("coordinator", () => ({ filters: { enabled: 1, user_type: "System User" } }));
		for (const table of ["reservations", "limits", "fees"]) {
			frm.set_query("tier", table, () => ({ filters: { disabled: 0 } }));
		}
		if (frm.doctype === "Training Session") {
			// Sessions know no roles.
			for (const table of ["reservations", "fees"]) {
				frm.fields_dict[table]?.grid.update_docfield_property("delegate_role", "hidden", 1);
			}
		}
	},

	onload(frm) {
		const zones = moment.tz?.names?.() || [];
		if (zones.length) frm.fields_dict.time_zone.set_data(zones);
	},

	refresh(frm) {
		imta.seats.keep_clock(frm);
		const is_new = frm.is_new();
		// Steps are taken by the buttons.
		frm.set_df_property("status", "read_only", 1);
		frm.toggle_display("occupancy_section", !is_new);
		if (is_new) return;
		imta.seats.show(frm);
		imta.seats.add_steps(frm);
	},
};

imta.seats.add_steps = function (frm) {
		if (!frm.has_perm("write")) return;
		const words = imta.seats.EVENTS[frm.doctype];
		const step = (status) => frm.set_value("status", status).then(() => frm.save());
		const { status } = frm.doc;
		const group = __("Steps");
		if (status === "Draft") {
			frm.add_custom_button(words.open(), () => step("Open")).addClass("btn-primary");
		}
		if (status === "Open") frm.add_custom_button(__("Close Enrolment"), () => step("Closed"), group);
		if (status === "Closed") frm.add_custom_button(__("Reopen Enrolment"), () => step("Open"), group);
		if (["Draft", "Open", "Closed"].includes(status)) {
			frm.add_custom_button(words.cancel(), () => imta.seats.cancel_event(frm), group);
		}
};

imta.seats.cancel_event = function (frm) {
		const words = imta.seats.EVENTS[frm.doctype];
		imta.seats
			.ask_reason(
				words.cancel(),
				__("Everybody who is enrolled is told so. Fees are credited. It cannot be undone."),
				words.cancel()
			)
			.then((reason) => frm.set_value({ cancel_reason: reason, status: "Cancelled" }))
			.then(() => frm.save())
			.catch(() => {});
};

imta.seats.show = function (frm) {
		const wrapper = frm.get_field("occupancy_html").$wrapper;
		const { name, doctype } = frm.doc;
		frappe
			.xcall("imta_crm.seating.actions.overview", { event_doctype: doctype, event: name })
			.then((said) => {
				if (frm.doc.name !== name) return;
				frm.imta_overview = said;
				wrapper.html(imta.seats.overview(frm, said));
				imta.seats.listen(frm, wrapper);
			});
};

/** Numbers, reserved seats, and those who wait, as HTML. */
imta.seats.overview = function (frm, { seats, lines, may_decide }) {
	const text = frappe.utils.escape_html;
	const pill = imta.seats.pill;
	const route = (status) => imta.seats.list_route(frm, status);
	const total = seats.capacity ? __("{0} of {1}", [seats.taken, seats.capacity]) : String(seats.taken);
	const pills = [
		pill(__("Seats Taken"), total, seats.free === 0 ? "red" : "blue", route()),
		seats.capacity ? pill(__("Free"), seats.free, seats.free ? "green" : "red") : "",
		pill(__("Offered"), seats.offered, "cyan", route("Offered")),
		pill(__("Waitlisted"), seats.waiting, "yellow", route("Waitlisted")),
		pill(__("Requested"), seats.requested, "orange", route("Requested")),
		seats.attended ? pill(__("Attended"), seats.attended, "green", route("Attended")) : "",
	];
	const reserved = seats.pools.filter((pool) => !pool.is_open);
	const open = seats.pools.find((pool) => pool.is_open);
	const who = (pool) =>
		[pool.tier && __(pool.tier), pool.delegate_role && __(pool.delegate_role)].filter(Boolean).join(", ");
	const pools = reserved.length
		? `<table class="table table-bordered table-sm mt-2"><thead><tr><th>${__("Seats For")}</th>
			<th class="text-right">${__("Seats")}</th><th class="text-right">${__("Taken")}</th>
			<th class="text-right">${__("Free")}</th></tr></thead><tbody>${[...reserved, open]
				.map(
					(pool) => `<tr><td>${text(pool.is_open ? __("Everybody") : who(pool))}</td>
					<td class="text-right">${pool.seats}</td><td class="text-right">${pool.taken}</td>
					<td class="text-right">${pool.free ?? ""}</td></tr>`
				)
				.join("")}</tbody></table>`
		: "";
	return `<div class="d-flex flex-wrap">${pills.join("")}</div>${pools}
		${imta.seats.line(frm, __("Requests to Decide On"), lines.Requested, may_decide)}
		${imta.seats.line(frm, __("Offers Not Answered Yet"), lines.Offered)}
		${imta.seats.line(frm, __("Waitlist"), lines.Waitlisted)}
		${
			may_decide && lines.Waitlisted.length && ["Open", "Closed"].includes(frm.doc.status)
				? `<button class="btn btn-xs btn-default" data-seats="offer">${__("Offer Free Seats")}</button>`
				: ""
		}`;
};

imta.seats.line = function (frm, title, rows, decide) {
	if (!rows.length) return "";
	const text = frappe.utils.escape_html;
	const { booking } = imta.seats.EVENTS[frm.doctype];
	const items = rows.map((row) => {
		const more = [row.organisation, row.tier && __(row.tier), row.offer_ends && __("until {0}", [row.offer_ends])];
		return `<tr><td style="width: 2em">${
			decide ? `<input type="checkbox" data-booking="${text(row.name)}" checked>` : ""
		}</td><td><a href="${frappe.utils.get_form_link(booking, row.name)}">${text(row.participant_name)}</a>
		<span class="text-muted small">${text(more.filter(Boolean).join(" · "))}</span></td></tr>`;
	});
	// A numbered list says who is first.
	const numbered = items.map((item, index) =>
		decide ? item : item.replace('<td style="width: 2em">', `<td style="width: 2em" class="text-muted">${index + 1}`)
	);
	const button = decide
		? `<button class="btn btn-xs btn-primary mb-2" data-seats="approve">${__("Approve Chosen")}</button>`
		: "";
	return `<h6 class="mt-3">${title}</h6><table class="table table-sm mb-2"><tbody>${numbered.join(
		""
	)}</tbody></table>${button}`;
};

imta.seats.listen = function (frm, wrapper) {
	const event = { event_doctype: frm.doctype, event: frm.doc.name };
	wrapper.find("[data-seats=approve]").on("click", () => {
		const bookings = wrapper
			.find("[data-booking]:checked")
			.map((_index, box) => $(box).attr("data-booking"))
			.get();
		if (!bookings.length) return;
		frappe
			.call({ method: "imta_crm.seating.actions.approve", args: { ...event, bookings }, freeze: true })
			.then(({ message }) => {
				imta.seats.tell(message, __("Approved"));
				imta.seats.show(frm);
			});
	});
	wrapper.find("[data-seats=offer]").on("click", () =>
		frappe
			.call({ method: "imta_crm.seating.actions.offer_free_seats", args: event, freeze: true })
			.then(({ message }) => {
				frappe.show_alert({ message: __("Offers made: {0}", [message || 0]), indicator: "blue" });
				imta.seats.show(frm);
			})
	);
};

// The file comes with each of the two forms; their handlers are there once.
if (!imta.seats.has_event_handlers) {
	imta.seats.has_event_handlers = true;
	frappe.ui.form.ControlDatetime = imta.seats.with_event_clock(frappe.ui.form.ControlDatetime);
	Object.keys(imta.seats.EVENTS).forEach((doctype) => frappe.ui.form.on(doctype, imta.seats.event_handlers));
}
