// The server decides who is charged; this form shows it and presses the buttons.
const PAGE = 20;
const ALIVE = ["Queued", "Running"];
const FOLLOWED = ["status", "total", "charged", "failed", "skipped", "error"];
const LOOK_EVERY = 4000; // milliseconds

frappe.ui.form.on("Dues Run", {
	setup(frm) {
		frm.set_query("dues_year", () => ({ filters: { status: "Open" } }));
		// The form is made once and shows one run after another.
		frappe.realtime.on("dues_run_progress", (data) => {
			if (data.run === frm.doc.name) frm.events.follow(frm, data);
		});
	},

	follow(frm, data) {
		const moved = data.status !== frm.doc.status;
		FOLLOWED.forEach((field) => (frm.doc[field] = data[field]));
		frm.events.show_progress(frm);
		FOLLOWED.forEach((field) => frm.refresh_field(field));
		if (moved) frm.reload_doc();
	},

	// Messages may not arrive: the realtime server may be down, a proxy may not let it through.
	watch(frm) {
		clearTimeout(frm.dues_run_watch);
		if (!ALIVE.includes(frm.doc.status)) return;
		const name = frm.doc.name;
		const is_shown = () => frm.doc.name === name && frappe.get_route_str() === `Form/Dues Run/${name}`;
		frm.dues_run_watch = setTimeout(() => {
			if (!is_shown()) return;
			frappe.db.get_value("Dues Run", name, FOLLOWED).then(({ message }) => {
				if (!is_shown()) return;
				if (message && message.status) frm.events.follow(frm, message);
				frm.events.watch(frm);
			});
		}, LOOK_EVERY);
	},

	refresh(frm) {
		if (frm.is_new()) return;
		frm.events.add_buttons(frm);
		frm.events.show_progress(frm);
		frm.events.show_failures(frm);
		frm.events.watch(frm);
		if (frm.doc.status === "Draft") {
			frm.events.load_preview(frm);
		} else {
			frm.get_field("preview_html").$wrapper.empty();
			frm.toggle_display("preview_section", false);
		}
	},

	add_buttons(frm) {
		const status = frm.doc.status;
		const stalled = frm.doc.__onload && frm.doc.__onload.is_stalled;
		const call = (method) => imta.call_saved(frm, method).then(() => frm.reload_doc());
		if (!frm.perm[0] || !frm.perm[0].write) return;

		if (status === "Draft") {
			frm.add_custom_button(__("Start"), () =>
				frappe.confirm(__("Invoice everybody who is due now?"), () => call("start"))
			).addClass("btn-primary");
		}
		if (ALIVE.includes(status)) {
			frm.add_custom_button(__("Pause"), () => call("pause"));
		}
		if (status === "Paused" || stalled) {
			frm.add_custom_button(__("Resume"), () => call("start")).addClass("btn-primary");
		}
		if (status === "Completed with Failures") {
			frm.add_custom_button(__("Try Failed Ones Again"), () => call("start")).addClass("btn-primary");
		}
		if (["Draft", "Queued", "Running", "Paused"].includes(status)) {
			frm.add_custom_button(__("Cancel Run"), () =>
				frappe.confirm(__("End this run? What has been invoiced stays."), () => call("give_up"))
			);
		}
		if (status.startsWith("Completed")) {
			frm.add_custom_button(__("Send Dues Notices"), () =>
				frappe.confirm(
					__("Write now to everybody of this run to whom a notice or a reminder is due? Nobody is written to twice."),
					() =>
						frappe
							.call("imta_crm.dues.reminders.send_notices", { dues_run: frm.doc.name })
							.then(({ message }) => {
								if (!message) {
									frappe.msgprint(__("Nobody of this run has a notice or a reminder due today."));
									return;
								}
								frappe.show_alert(
									{ message: __("Messages that are being written: {0}", [message]), indicator: "green" },
									10
								);
								frappe.set_route("List", "Dues Reminder Log", { dues_year: frm.doc.dues_year });
							})
				)
			);
		}
		if (status !== "Draft") {
			frm.add_custom_button(__("Dues Charges"), () =>
				frappe.set_route("List", "Dues Charge", { dues_run: frm.doc.name })
			);
		}
	},

	show_progress(frm) {
		const { status, charged, failed, total, error } = frm.doc;
		frm.dashboard.clear_headline();
		if (["Queued", "Running", "Paused"].includes(status)) {
			const done = (charged || 0) + (failed || 0);
			const counts = [__(status), charged || 0, total || 0, failed || 0];
			frm.dashboard.show_progress(
				__("Invoices"),
				total ? Math.min(100, (100 * done) / total) : 0,
				__("{0}: {1} of {2} invoiced, {3} failed", counts)
			);
		}
		if (error) frm.dashboard.set_headline_alert(frappe.utils.escape_html(error), "red");
	},

	show_failures(frm) {
		if (!frm.doc.failed) return;
		frm.call("failures").then(({ message }) => {
			const rows = (message || []).map(
				(row) => `<tr>
					<td><a href="${frappe.utils.get_form_link("Dues Charge", row.name)}">${frappe.utils.escape_html(
					row.member_name || row.member
				)}</a></td>
					<td>${frappe.utils.escape_html(row.error || "")}</td>
				</tr>`
			);
			if (!rows.length) return;
			frm.toggle_display("preview_section", true);
			frm.get_field("preview_html").$wrapper.html(`
				<h5 class="mb-3">${__("Could Not Be Invoiced")}</h5>
				<div class="table-responsive"><table class="table table-bordered">
				<thead><tr><th>${__("Member")}</th><th>${__("Reason")}</th></tr></thead>
				<tbody>${rows.join("")}</tbody></table></div>`);
		});
	},

	load_preview(frm) {
		const wrapper = frm.get_field("preview_html").$wrapper;
		wrapper.html(`<p class="text-muted">${__("Working it out …")}</p>`);
		frm.call("preview").then(({ message }) => {
			if (!message || frm.doc.status !== "Draft") return;
			new Preview(frm, wrapper, message);
		});
	},
});

const STATES = {
	problem: ["red", () => __("Needs attention")],
	due: ["blue", () => __("Will be charged")],
	charged: ["green", () => __("Charged already")],
	closed: ["gray", () => __("Waived or void")],
	skipped: ["gray", () => __("Not charged")],
};

class Preview {
	constructor(frm, wrapper, data) {
		Object.assign(this, { frm, wrapper, data, page: 0, state: null });
		this.draw();
	}

	draw() {
		const text = frappe.utils.escape_html;
		const money = (row) => `${text(row.currency)} ${format_number(row.amount, null, row.decimals)}`;
		const lines = this.data.lines.filter((line) => !this.state || line.state === this.state);
		const pages = Math.max(1, Math.ceil(lines.length / PAGE));
		this.page = Math.min(this.page, pages - 1);
		const totals = this.data.totals.map((row) => `<strong>${money(row)}</strong>`).join(" + ");
		const pills = Object.entries(STATES)
			.filter(([state]) => this.data.counts[state])
			.map(
				([state, [color, label]]) =>
					`<button class="btn btn-xs btn-default mr-2 ${this.state === state ? "active" : ""}" data-state="${state}">
					<span class="indicator ${color}">${label()}: ${this.data.counts[state]}</span></button>`
			)
			.join("");
		const rows = lines
			.slice(this.page * PAGE, (this.page + 1) * PAGE)
			.map(
				(line) => `<tr>
				<td><a href="${frappe.utils.get_form_link("IMTA Member", line.member)}">${text(line.member_name)}</a></td>
				<td>${text(__(line.tier || ""))}</td>
				<td class="text-right">${line.amount === null ? "" : money(line)}</td>
				<td><span class="indicator ${STATES[line.state][0]}">${STATES[line.state][1]()}</span></td>
				<td>${text(line.reason || "")}</td>
			</tr>`
			)
			.join("");
		this.wrapper.html(`
			<h5 class="mb-3">${__("Who Will Be Charged")}</h5>
			<div class="mb-3">${__("To be invoiced")}: ${totals || __("nothing")}</div>
			<div class="mb-3">${pills}
				<button class="btn btn-xs btn-default float-right" data-export>${__("Export")}</button></div>
			<div class="table-responsive"><table class="table table-bordered table-sm">
				<thead><tr><th>${__("Member")}</th><th>${__("Tier")}</th><th class="text-right">${__("Amount")}</th>
				<th>${__("State")}</th><th>${__("Reason")}</th></tr></thead><tbody>${rows}</tbody></table></div>
			<div class="text-muted">
				<button class="btn btn-xs btn-default" data-step="-1" ${this.page ? "" : "disabled"}>${__("Previous")}</button>
				${__("Page {0} of {1}", [this.page + 1, pages])}
				<button class="btn btn-xs btn-default" data-step="1" ${this.page + 1 < pages ? "" : "disabled"}>${__(
			"Next"
		)}</button>
			</div>`);
		this.wrapper.find("[data-state]").on("click", (event) => {
			const state = $(event.currentTarget).data("state");
			this.state = this.state === state ? null : state;
			this.page = 0;
			this.draw();
		});
		this.wrapper.find("[data-step]").on("click", (event) => {
			this.page += $(event.currentTarget).data("step");
			this.draw();
		});
		this.wrapper.find("[data-export]").on("click", () => {
			open_url_post("/api/method/imta_crm.dues.doctype.dues_run.dues_run.export_preview", {
				name: this.frm.doc.name,
			});
		});
	}
}
