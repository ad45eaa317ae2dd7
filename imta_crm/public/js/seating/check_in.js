frappe.provide("imta");

// At the door: the phone asks, the server answers. Each answer says what to do with whoever stands there.
const API = "imta_crm.seating.check_in";
const COLORS = { in: "green", already: "orange", admit: "blue", refused: "red", undone: "gray" };
// The scanner reads the same code many times while it is held before the camera.
const SAME_CODE = 5000; // milliseconds
const ROWS_SHOWN = 200;
const BOOKINGS = { "Training Session": "Training Enrollment", "Alliance Activity": "Activity Delegate" };

const text = (value) => frappe.utils.escape_html(value || "");
const fold = (value) =>
	(value || "")
		.normalize("NFKD")
		.replace(/\p{M}/gu, "")
		.toLowerCase();

class CheckIn {
	constructor(frm) {
		this.frm = frm;
		this.event = { event_doctype: frm.doctype, event: frm.doc.name };
		this.booking_doctype = BOOKINGS[frm.doctype];
		this.people = [];
		this.chosen = new Set();
		this.make();
		this.load();
	}

	make() {
		this.dialog = new frappe.ui.Dialog({
			title: __("Check-In"),
			size: "large",
			fields: [
				{ fieldname: "answer", fieldtype: "HTML" },
				{
					fieldname: "search",
					fieldtype: "Data",
					label: __("Name, organisation, or the code of a ticket"),
				},
				{ fieldname: "people", fieldtype: "HTML" },
			],
			primary_action_label: __("Scan Tickets"),
			primary_action: () => this.scan(),
		});
		this.dialog.onhide = () => this.frm.reload_doc();
		this.$answer = this.dialog.get_field("answer").$wrapper.attr("aria-live", "polite");
		this.$people = this.dialog.get_field("people").$wrapper;
		this.dialog
			.get_field("search")
			.$input.attr({ autocomplete: "off", inputmode: "search" })
			.on("input", () => this.show())
			// A hand scanner types the address of the ticket and ends it with Enter.
			.on("keydown", (key) => {
				const code = this.typed();
				if (key.key !== "Enter") return;
				key.preventDefault();
				if (/\/seat\/|^[a-z2-7]{60,}$/i.test(code)) {
					this.dialog.set_value("search", "");
					this.ask_code(code);
				}
			});
		this.$people.on("click", "[data-act]", (click) => {
			const $row = $(click.currentTarget).closest("[data-booking]");
			this.act($(click.currentTarget).attr("data-act"), $row.attr("data-booking"));
		});
		this.$people.on("change", "input[type=checkbox]", (change) => {
			const booking = $(change.currentTarget).closest("[data-booking]").attr("data-booking");
			this.chosen[change.currentTarget.checked ? "add" : "delete"](booking);
			this.show_chosen();
		});
		this.$answer.on("click", "[data-act]", (click) => {
			const $button = $(click.currentTarget);
			this.act($button.attr("data-act"), $button.attr("data-booking"));
		});
		this.dialog.show();
	}

	typed() {
		return (this.dialog.get_field("search").$input.val() || "").trim();
	}

	load() {
		return frappe.xcall(`${API}.door_list`, this.event, "GET").then((found) => {
			this.found = found;
			this.people = found.people;
			this.people.forEach((row) => {
				row.folded = fold([row.participant_name, row.participant_name_local, row.organisation].join(" "));
			});
			this.show();
		});
	}

	show() {
		const words = fold(this.typed()).split(/\s+/).filter(Boolean);
		const rows = this.people.filter((row) => words.every((word) => row.folded.includes(word)));
		const counts = __("{0} of {1} came", [this.found.present, this.found.expected]);
		const walk_in = this.found.may_create
			? `<button class="btn btn-default btn-sm" data-act="walk_in">${__("Without a Seat")}</button>`
			: "";
		const more =
			rows.length > ROWS_SHOWN || this.found.has_more
				? `<p class="text-muted">${__("More people match; type more of the name.")}</p>`
				: "";
		this.$people.html(
			`<div class="d-flex justify-content-between align-items-center mb-2">
				<b>${counts}</b>
				<span><button class="btn btn-primary btn-sm imta-chosen hidden" data-act="chosen"></button> ${walk_in}</span>
			</div>
			${rows.slice(0, ROWS_SHOWN).map((row) => this.row(row)).join("")}
			${rows.length ? "" : `<p class="text-muted">${__("Nobody of this name is expected.")}</p>`}${more}`
		);
		this.show_chosen();
	}

	row(row) {
		const about = [row.participant_name_local, row.organisation, row.delegate_role && __(row.delegate_role)];
		const status = row.is_present
			? `<span class="indicator-pill green no-indicator-dot">${text(row.since || row.status_label)}</span>
				<button class="btn btn-link btn-sm" data-act="undo">${__("Undo")}</button>`
			: row.may_enter
			? `<button class="btn btn-default btn-sm" data-act="in">${__("Check In")}</button>`
			: `<button class="btn btn-link btn-sm" data-act="in">${text(row.status_label)}</button>`;
		const box =
			!row.is_present && row.may_enter
				? `<input type="checkbox" aria-label="${__("Choose")}" ${this.chosen.has(row.name) ? "checked" : ""}>`
				: "";
		return `<div class="d-flex align-items-center border-bottom py-2" data-booking="${text(row.name)}">
			<label class="mb-0 mr-2" style="min-width: 28px; padding: 6px 0">${box}</label>
			<div class="flex-fill">
				<div><b>${text(row.participant_name)}</b></div>
				<div class="text-muted small">${text(about.filter(Boolean).join(" · "))}</div>
				${row.remarks ? `<div class="small text-warning">${text(row.remarks)}</div>` : ""}
			</div>
			<div class="text-right text-nowrap">${this.found.may_write ? status : text(row.status_label)}</div>
		</div>`;
	}

	show_chosen() {
		this.$people
			.find(".imta-chosen")
			.toggleClass("hidden", !this.chosen.size)
			.text(__("Check In {0} People", [this.chosen.size]));
	}

	act(what, booking) {
		const of = { booking_doctype: this.booking_doctype, booking };
		if (what === "walk_in") return this.walk_in();
		if (what === "undo") return this.ask("undo", of);
		if (what === "admit") return this.ask("admit", of);
		const bookings = what === "chosen" ? [...this.chosen] : [booking];
		return frappe
			.call({ method: `${API}.check_in_many`, args: { ...this.event, bookings }, freeze: true })
			.then(({ message }) => {
				this.chosen.clear();
				const refused = message.refused[0];
				this.answer(
					refused || {
						state: message.in ? "in" : "already",
						message: __("{0} checked in, {1} were there already.", [message.in, message.already]),
						booking: bookings.length === 1 ? booking : null,
					}
				);
				return this.load();
			});
	}

	ask_code(code) {
		return this.ask("check_in", { code, ...this.event });
	}

	ask(method, args) {
		return frappe
			.call({ method: `${API}.${method}`, type: "POST", args })
			.then(({ message }) => {
				this.answer(message);
				return this.load();
			})
			.catch(() => {
				this.answer({
					state: "refused",
					message: __("No answer from the server. Check the connection and try again."),
				});
			});
	}

	answer(answer) {
		const { state, message, booking } = answer;
		const about = [answer.person_local, answer.organisation].filter(Boolean).join(" · ");
		const button = { in: ["undo", __("Undo")], admit: ["admit", __("Give the Seat and Check In")] }[state];
		const html = `<div class="alert mb-3" role="status" style="border-left: 6px solid var(--${COLORS[state]}-500);
				background: var(--bg-${COLORS[state]}); color: var(--text-on-${COLORS[state]}); font-size: var(--text-lg)">
			<b>${text(message)}</b>
			${about ? `<div class="small">${text(about)}</div>` : ""}
			${answer.remarks ? `<div class="small">${text(answer.remarks)}</div>` : ""}
			${
				button && booking
					? `<button class="btn btn-default btn-sm mt-2" data-act="${button[0]}" data-booking="${text(
							booking
					  )}">${button[1]}</button>`
					: ""
			}
		</div>`;
		this.$answer.html(html);
		if (this.$scan_answer) this.$scan_answer.html(html);
		frappe.utils.play_sound(["in", "undone"].includes(state) ? "submit" : "error");
		if (navigator.vibrate) navigator.vibrate(state === "in" ? 80 : [120, 80, 120]);
	}

	scan() {
		let last = {};
		let is_asking = false;
		const scanner = new frappe.ui.Scanner({
			dialog: true,
			multiple: true,
			on_scan: (found) => {
				const code = found && found.decodedText;
				const now = Date.now();
				if (!code || is_asking || (code === last.code && now - last.at < SAME_CODE)) return;
				last = { code, at: now };
				is_asking = true;
				this.ask_code(code).finally(() => {
					is_asking = false;
					last.at = Date.now();
				});
			},
		});
		scanner.dialog.set_title(__("Scan Tickets"));
		this.$scan_answer = $('<div aria-live="polite"></div>').appendTo(scanner.dialog.$body);
		this.$scan_answer.html(
			`<p class="text-muted">${__(
				"Hold the code of the ticket or badge before the camera. Where there is no picture, allow the camera for this page, or look people up in the list."
			)}</p>`
		);
		this.$scan_answer.on("click", "[data-act]", (click) => {
			const $button = $(click.currentTarget);
			this.act($button.attr("data-act"), $button.attr("data-booking"));
		});
		scanner.dialog.$wrapper.on("hidden.bs.modal", () => (this.$scan_answer = null));
	}

	walk_in() {
		const is_activity = this.frm.doctype === "Alliance Activity";
		const dialog = new frappe.ui.Dialog({
			title: __("Somebody Without a Seat"),
			fields: [
				{
					fieldname: "contact",
					fieldtype: "Link",
					options: "Contact",
					label: __("Person"),
					description: __("Who is known already. Otherwise write name and e-mail address."),
				},
				{
					fieldname: "user",
					fieldtype: "Link",
					options: "User",
					label: __("Colleague of the Secretariat"),
					get_query: () => ({ filters: { enabled: 1, user_type: "System User" } }),
				},
				{ fieldname: "guest", fieldtype: "Section Break", label: __("Guest") },
				{ fieldname: "full_name", fieldtype: "Data", label: __("Name") },
				{ fieldname: "email", fieldtype: "Data", options: "Email", label: __("E-mail") },
				{ fieldname: "organisation", fieldtype: "Data", label: __("Organisation") },
				{
					fieldname: "delegate_role",
					fieldtype: "Select",
					label: __("Role"),
					options: ["", "Delegate", "Guest", "Speaker", "Exhibitor"],
					hidden: !is_activity,
				},
			],
			primary_action_label: __("Enrol and Check In"),
			primary_action: (values) => {
				frappe
					.call({ method: `${API}.walk_in`, args: { ...this.event, ...values }, freeze: true })
					.then(({ message }) => {
						dialog.hide();
						this.answer(message);
						return this.load();
					});
			},
		});
		dialog.show();
	}
}

/** Open the door of a Training Session or an Alliance Activity. */
imta.check_in = (frm) => new CheckIn(frm);
