// The server plans, counts and decides; this form shows it and presses the buttons.
const OPEN_FOR_PROSPECTS = ["Draft", "Pending Approval", "Approved", "Running", "Paused"];
const NO_VALUE = ["Section Break", "Column Break", "Tab Break", "HTML", "Button", "Heading"];
const LATER = "later";

// Questions before steps that cannot be taken back.
const QUESTIONS = {
	Start: () => __("Start now? Invitations then go out as planned."),
	Complete: () => __("Complete the campaign? Nothing more is sent, and who has not answered is closed as No Reply."),
	"Cancel Campaign": () => __("Cancel the campaign for good? Who has not replied is withdrawn."),
};

// Pills of the summary: what the funnel calls it, its colour and its words.
const STAGES = [
	["total", "gray", () => __("Prospects")],
	["held", "orange", () => __("Held", null, "Invitation")],
	["planned", "gray", () => __("Planned", null, "Invitation")],
	["invited", "blue", () => __("Invited", null, "Invitation")],
	["replied", "cyan", () => __("Replied", null, "Invitation Campaign Target")],
	["interested", "green", () => __("Interested", null, "Invitation")],
	["accepted", "green", () => __("Accepted", null, "Invitation")],
	["later", "yellow", () => __("Later", null, "Invitation")],
	["declined", "red", () => __("Declined", null, "Invitation")],
	["unreachable", "red", () => __("Unreachable", null, "Invitation")],
	["applied", "cyan", () => __("Applied", null, "Invitation")],
	["admitted", "green", () => __("Admitted", null, "Invitation")],
];
const ALWAYS_SHOWN = ["total", "invited", "replied"];

frappe.ui.form.on("Invitation Campaign", {
	setup(frm) {
		const enabled_user = () => ({ filters: { enabled: 1, user_type: "System User" } });
		frm.set_query("campaign_owner", enabled_user);
		frm.set_query("default_officer", enabled_user);
		frm.set_query("default_tier", () => ({ filters: { disabled: 0 } }));
		frm.set_query("email_account", () => ({ filters: { enable_outgoing: 1 } }));
		frm.set_query("activity_doctype", () => ({ filters: { istable: 0, issingle: 0 } }));
		frm.set_query("region", "targets", () => ({ filters: {} }));
	},

	onload(frm) {
		const zones = moment.tz.names?.() || [];
		if (zones.length) frm.fields_dict.activity_time_zone.set_data(zones);
		if (frm.is_new() && !frm.doc.campaign_owner) frm.set_value("campaign_owner", frappe.session.user);
	},

	onload_post_render(frm) {
		const tab = frm.layout.tabs?.find((each) => each.df.fieldname === "plan_tab");
		tab?.tab_link.find(".nav-link").on("shown.bs.tab", () => frm.events.show_plan(frm));
	},

	refresh(frm) {
		frm.set_intro("");
		frm.events.lock_fields(frm);
		frm.events.show_targets(frm);
		if (frm.is_new()) {
			frm.set_intro(__("Save the plan first; then add prospects and look at who gets what when."), "blue");
			frm.get_field("plan_html").$wrapper.html(
				`<p class="text-muted">${__("The plan shows here once the campaign is saved.")}</p>`
			);
		} else {
			frm.events.show_progress(frm);
			frm.imta_plan = null;
			const tab = frm.layout.tabs?.find((each) => each.df.fieldname === "plan_tab");
			if (!tab || tab.is_active()) frm.events.show_plan(frm);
		}
		frm.events.add_buttons(frm);
	},

	from_date(frm) {
		if (frm.doc.from_date) frm.set_value("year", frappe.datetime.str_to_obj(frm.doc.from_date).getFullYear());
	},

	before_workflow_action(frm) {
		const question = QUESTIONS[frm.selected_workflow_action];
		if (!question) return;
		// Frappe has frozen the page, also for the question.
		frappe.dom.unfreeze();
		return new Promise((resolve) => {
			frappe.confirm(question(), () => {
				frappe.dom.freeze();
				resolve();
			});
		});
	},

	after_workflow_action(frm) {
		// What Frappe shows after a step lacks what the server says on opening.
		frm.reload_doc();
	},

	may_plan(frm) {
		const said = frm.doc.__onload;
		return Boolean(frm.is_new() || !said || said.may_plan);
	},

	// As the server refuses it anyway: what is approved stays as it was.
	lock_fields(frm) {
		const { open_fields } = frm.doc.__onload || {};
		const open = (fieldname) => {
			if (!frm.events.may_plan(frm)) return false;
			return frm.is_new() || !open_fields || open_fields.includes(fieldname);
		};
		frm.meta.fields.forEach((df) => {
			if (df.read_only || df.hidden || NO_VALUE.includes(df.fieldtype)) return;
			frm.set_df_property(df.fieldname, "read_only", open(df.fieldname) ? 0 : 1);
		});
	},

	add_buttons(frm) {
		const state = frm.doc.workflow_state || "Draft";
		const plans = frm.events.may_plan(frm);
		if (plans && state === "Draft" && frm.doc.purpose === "Membership") {
			frm.add_custom_button(__("Suggest Targets"), () => frm.events.suggest_targets(frm));
		}
		if (plans && state === "Draft" && !(frm.doc.steps || []).length) {
			frm.add_custom_button(__("Standard Steps"), () => frm.events.fill_steps(frm));
		}
		if (frm.is_new()) return;
		if (plans && OPEN_FOR_PROSPECTS.includes(state)) {
			frm.add_custom_button(__("Add Prospects"), () =>
				frappe.new_doc("Prospect Import", { campaign: frm.doc.name })
			);
		}
		if ((frm.doc.steps || []).some((row) => row.channel === "E-mail")) {
			frm.add_custom_button(__("Preview Mails"), () => new MailPreview(frm));
		}
		frm.add_custom_button(__("Invitations"), () =>
			frappe.set_route("List", "Invitation", { campaign: frm.doc.name })
		);
	},

	// Progress

	show_progress(frm) {
		const wrapper = frm.get_field("summary_html").$wrapper;
		const { stages, routes, touches, touch_routes } = (frm.doc.__onload || {}).progress || {};
		const text = frappe.utils.escape_html;
		if (!stages) {
			wrapper.empty();
			return;
		}
		const pill = (label, number, color, route) =>
			`<a class="indicator-pill ${color} no-indicator-dot mr-2 mb-2" href="${text(route || "#")}">${text(
				label
			)}: ${number}</a>`;
		const pills = STAGES.filter(([stage]) => stages[stage] || ALWAYS_SHOWN.includes(stage)).map(
			([stage, color, label]) => pill(label(), stages[stage] || 0, color, routes[stage])
		);
		const sent = Object.entries(touches)
			.filter(([, number]) => number)
			.map(([status, number]) =>
				pill(__(status, null, "Invitation Touch"), number, "gray", touch_routes[status])
			);
		const rate =
			stages.reply_rate === null
				? ""
				: `<span class="text-muted">${__("{0}% of those invited have replied", [stages.reply_rate])}</span>`;
		const problem = frm.doc.last_problem
			? `<div class="alert alert-warning mb-3">${text(frm.doc.last_problem).replace(/\n/g, "<br>")}</div>`
			: "";
		wrapper.html(`${problem}<div class="d-flex flex-wrap align-items-center">${pills.join("")}${rate}</div>
			${
				sent.length
					? `<div class="text-muted small mb-1">${__("Steps taken")}</div>
				<div class="d-flex flex-wrap">${sent.join("")}</div>`
					: ""
			}`);
	},

	// Targets

	show_targets(frm) {
		const rows = frm.doc.targets || [];
		const wrapper = frm.get_field("targets_html").$wrapper;
		if (!rows.length || frm.is_new()) {
			wrapper.html(
				rows.length ? "" : `<p class="text-muted">${__("A target is a region, sector or tier; leave empty what does not matter.")}</p>`
			);
			return;
		}
		wrapper.html(
			`<a class="btn btn-xs btn-default" href="/app/query-report/Invitation%20Targets?campaign=${encodeURIComponent(
				frm.doc.name
			)}">${__("Plan Against Result")}</a>`
		);
	},

	suggest_targets(frm) {
		const dialog = new frappe.ui.Dialog({
			title: __("Suggest Targets"),
			fields: [
				{
					fieldname: "growth_percent",
					fieldtype: "Percent",
					label: __("Growth Wanted"),
					default: frm.doc.growth_percent || 10,
					reqd: 1,
				},
				{ fieldname: "by_sector", fieldtype: "Check", label: __("A row for each sector"), default: 0 },
				{ fieldname: "by_tier", fieldtype: "Check", label: __("A row for each tier"), default: 1 },
				{
					fieldname: "hint",
					fieldtype: "HTML",
					options: `<p class="text-muted">${__(
						"From the members of today, by region. The rows below are replaced; nothing is saved yet."
					)}</p>`,
				},
			],
			primary_action_label: __("Suggest"),
			primary_action(values) {
				dialog.hide();
				frappe
					.call("imta_crm.invitations.targets.suggest", {
						growth_percent: values.growth_percent,
						by_sector: values.by_sector,
						by_tier: values.by_tier,
					})
					.then(({ message }) => {
						frm.set_value("growth_percent", values.growth_percent);
						frm.clear_table("targets");
						(message || []).forEach((row) => frm.add_child("targets", row));
						frm.refresh_field("targets");
						frm.dirty();
						frappe.show_alert({ message: __("Targets suggested: {0}", [(message || []).length]), indicator: "green" });
					});
			},
		});
		dialog.show();
	},

	// Steps

	fill_steps(frm) {
		frappe
			.call("imta_crm.invitations.standard_steps.standard_steps", { purpose: frm.doc.purpose })
			.then(({ message }) => {
				const { steps, ...later } = message || { steps: [] };
				frm.clear_table("steps");
				steps.forEach((row) => frm.add_child("steps", row));
				frm.refresh_field("steps");
				frm.set_value(later);
				frm.dirty();
				frm.remove_custom_button(__("Standard Steps"));
				frappe.show_alert({ message: __("Steps filled in: {0}", [steps.length]), indicator: "green" });
			});
	},

	// Who gets what when

	show_plan(frm) {
		if (frm.is_new()) return;
		const wrapper = frm.get_field("plan_html").$wrapper;
		if (frm.imta_plan && frm.imta_plan.campaign === frm.doc.name && !frm.is_dirty()) return;
		frm.imta_plan = new Plan(frm, wrapper);
	},
});

/** The calendar and the table of a campaign, as the server works it out. */
class Plan {
	constructor(frm, wrapper) {
		Object.assign(this, { frm, wrapper, campaign: frm.doc.name, day: null, start: 0 });
		this.wrapper.html(`<p class="text-muted">${__("Working it out …")}</p>`);
		this.load();
	}

	load() {
		const asked = { campaign: this.campaign, day: this.day, start: this.start };
		return frappe.call("imta_crm.invitations.plan.simulate", asked).then(({ message }) => {
			if (!message || this.frm.doc.name !== this.campaign) return;
			this.data = message;
			this.draw();
		});
	}

	draw() {
		const { data } = this;
		this.wrapper.html(`<div class="imta-plan">
			${this.frm.is_dirty() ? this.note(__("Save to see the plan with your changes."), "orange") : ""}
			${data.is_example ? this.note(__("There are no prospects yet: this is how it would go for two examples."), "blue") : ""}
			${
				data.left_out
					? this.note(
							__("{0} get nothing before the campaign ends. Send more mails a day, or let it last longer.", [
								data.left_out,
							]),
							"orange"
					  )
					: ""
			}
			<div class="imta-plan-head">
				<div>${this.sum()}
					<div class="text-muted small">${__("If nobody answers. Replies stop the steps.")}</div></div>
				<div><button class="btn btn-xs btn-default" data-file="XLSX">${__("Download XLSX")}</button>
				<button class="btn btn-xs btn-default" data-file="CSV">${__("Download CSV")}</button></div>
			</div>
			<div class="imta-plan-months">${this.months()}</div>
			${this.table()}
		</div>`);
		this.listen();
	}

	sum() {
		const { people, mails, total, is_example } = this.data;
		return is_example
			? __("{0} mails, {1} tasks", [mails, total - mails])
			: __("{0} people, {1} mails, {2} tasks", [people, mails, total - mails]);
	}

	note(words, color) {
		return `<div class="mb-3"><span class="indicator ${color}">${words}</span></div>`;
	}

	months() {
		if (!this.data.days.length) {
			return `<p class="text-muted">${__("Nothing is to be sent.")}</p>`;
		}
		const by_day = Object.fromEntries(this.data.days.map((each) => [each.day, each]));
		const first = moment(this.data.days[0].day).startOf("month");
		const last = moment(this.data.days[this.data.days.length - 1].day).endOf("month");
		const most = Math.max(...this.data.days.map((each) => each.mails + each.tasks));
		const months = [];
		for (const month = first.clone(); month.isBefore(last); month.add(1, "month")) {
			months.push(this.month(month.clone(), by_day, most));
		}
		return months.join("");
	}

	month(month, by_day, most) {
		// Weeks begin on Monday, whatever the browser's language.
		const cells = Array((month.isoWeekday() + 6) % 7).fill("<span></span>");
		for (let number = 1; number <= month.daysInMonth(); number++) {
			const day = month.clone().date(number).format("YYYY-MM-DD");
			cells.push(this.cell(day, number, by_day[day], most));
		}
		// The browser's names: Frappe's moment speaks English only.
		const weekday = new Intl.DateTimeFormat(frappe.boot.lang || "en", { weekday: "short" });
		const heads = [1, 2, 3, 4, 5, 6, 7].map(
			(day) => `<span class="imta-plan-weekday">${weekday.format(moment().isoWeekday(day).toDate())}</span>`
		);
		return `<div class="imta-plan-month"><div class="imta-plan-title">${month.format("YYYY-MM")}</div>
			<div class="imta-plan-grid">${heads.join("")}${cells.join("")}</div></div>`;
	}

	cell(day, number, planned, most) {
		const today = day === this.data.today ? "today" : "";
		if (!planned) return `<span class="imta-plan-day ${today}">${number}</span>`;
		const count = planned.mails + planned.tasks;
		const words = [
			planned.mails ? __("{0} mails", [planned.mails]) : "",
			planned.tasks ? __("{0} tasks", [planned.tasks]) : "",
		];
		const label = `${frappe.datetime.str_to_user(day)}: ${words.filter(Boolean).join(", ")}`;
		return `<button type="button" class="imta-plan-day has-touches ${today} ${this.day === day ? "chosen" : ""}"
			data-day="${day}" title="${label}" aria-label="${label}" aria-pressed="${this.day === day}"
			style="--imta-load: ${Math.round(10 + (30 * count) / most)}%">${number}<b>${count}</b></button>`;
	}

	table() {
		const { rows, count, page } = this.data;
		if (!count) return "";
		const text = frappe.utils.escape_html;
		const title = this.day
			? `${frappe.datetime.str_to_user(this.day)}
				<button class="btn btn-xs btn-default ml-2" data-day="">${__("All Days")}</button>`
			: __("All Days");
		const lines = rows.map((row) => {
			const name = text(row.prospect);
			const local = row.local_day === row.day ? row.local_time : `${frappe.datetime.str_to_user(row.local_day)} ${row.local_time}`;
			return `<tr>
				<td>${frappe.datetime.str_to_user(row.day)} ${row.time}
					<div class="text-muted small">${text(row.zone)}: ${local}</div></td>
				<td>${row.invitation ? `<a href="${frappe.utils.get_form_link("Invitation", row.invitation)}">${name}</a>` : name}
					<div class="text-muted small">${text(__(row.country || ""))}</div></td>
				<td>${text(row.step)}<div class="text-muted small">${__(row.channel, null, "Invitation Campaign Step")} ·
					${row.language === "zh" ? __("Chinese") : __("English")}</div></td>
			</tr>`;
		});
		const from = this.start + 1;
		const to = Math.min(this.start + page, count);
		return `<h5 class="mt-4">${title}</h5>
			<div class="table-responsive"><table class="table table-bordered table-sm imta-plan-table">
				<thead><tr><th>${__("When")}</th><th>${__("Prospect", null, "Invitation")}</th><th>${__("Step")}</th></tr></thead>
				<tbody>${lines.join("")}</tbody></table></div>
			<div class="text-muted">
				<button class="btn btn-xs btn-default" data-step="-1" ${this.start ? "" : "disabled"}>${__("Previous")}</button>
				${__("{0} to {1} of {2}", [from, to, count])}
				<button class="btn btn-xs btn-default" data-step="1" ${to < count ? "" : "disabled"}>${__("Next")}</button>
			</div>`;
	}

	listen() {
		this.wrapper.find("[data-day]").on("click", (event) => {
			const day = $(event.currentTarget).attr("data-day");
			this.day = day && this.day !== day ? day : null;
			this.start = 0;
			this.load();
		});
		this.wrapper.find("[data-step]").on("click", (event) => {
			this.start = Math.max(0, this.start + this.data.page * Number($(event.currentTarget).attr("data-step")));
			this.load();
		});
		this.wrapper.find("[data-file]").on("click", (event) => {
			open_url_post("/api/method/imta_crm.invitations.plan.download", {
				campaign: this.campaign,
				file_format: $(event.currentTarget).attr("data-file"),
			});
		});
	}
}

/** A letter as a named prospect would get it, and a test of it to oneself. */
class MailPreview {
	constructor(frm) {
		this.frm = frm;
		const mails = (frm.doc.steps || []).filter((row) => row.channel === "E-mail");
		const options = mails.map((row) => ({ value: row.step_key, label: row.step_title }));
		if (frm.doc.later_template || frm.doc.later_template_zh) {
			options.push({ value: LATER, label: __("Letter to those who asked to hear later") });
		}
		const show = () => this.show();
		this.dialog = new frappe.ui.Dialog({
			title: __("Preview Mails"),
			size: "large",
			fields: [
				{
					fieldname: "step_key",
					fieldtype: "Select",
					label: __("Step"),
					options,
					default: options[0].value,
					onchange: show,
				},
				{ fieldtype: "Column Break" },
				{
					fieldname: "invitation",
					fieldtype: "Link",
					label: __("Prospect", null, "Invitation"),
					options: "Invitation",
					description: __("Empty: an invented one."),
					get_query: () => ({ filters: { campaign: frm.doc.name } }),
					onchange: show,
				},
				{ fieldtype: "Column Break" },
				{
					fieldname: "language",
					fieldtype: "Select",
					label: __("Language"),
					options: [
						{ value: "", label: __("As the prospect’s") },
						{ value: "en", label: __("English") },
						{ value: "zh", label: __("Chinese") },
					],
					onchange: show,
				},
				{ fieldtype: "Section Break" },
				{ fieldname: "mail", fieldtype: "HTML" },
			],
		});
		if (frm.events.may_plan(frm)) {
			this.dialog.set_primary_action(__("Send a Test to Me"), () => this.send_test());
		}
		this.dialog.show();
		this.show();
	}

	asked() {
		const { step_key, invitation, language } = this.dialog.get_values(true);
		return {
			campaign: this.frm.doc.name,
			step_key,
			invitation: invitation || null,
			language: language || null,
		};
	}

	show() {
		const asked = this.asked();
		const key = JSON.stringify(asked);
		if (!asked.step_key || this.shown === key) return;
		this.shown = key;
		frappe.call("imta_crm.invitations.compose.preview", asked).then(({ message }) => {
			if (message && this.shown === key) this.draw(message);
		});
	}

	draw(mail) {
		const text = frappe.utils.escape_html;
		const wrapper = this.dialog.fields_dict.mail.$wrapper;
		if (mail.problem) {
			wrapper.html(`<div class="alert alert-warning">${text(mail.problem)}</div>`);
			return;
		}
		wrapper.html(`
			<div class="text-muted small">${__("Sender")}: ${text(mail.sender || "")}<br>${__("Recipient")}: ${text(mail.to || "")}</div>
			<h5 class="mt-2">${text(mail.subject)}</h5>
			<iframe class="imta-mail-preview" sandbox="" title="${text(mail.subject)}"></iframe>
			<details class="mt-2"><summary>${__("As plain text")}</summary><pre class="imta-mail-text">${text(
			mail.text || ""
		)}</pre></details>`);
		// In a frame without scripts and without the desk's own style, as a mail program would show it.
		wrapper.find("iframe").attr("srcdoc", mail.html);
	}

	send_test() {
		frappe
			.call({ method: "imta_crm.invitations.compose.send_test", args: this.asked(), freeze: true })
			.then(({ message }) => {
				if (!message) return;
				frappe.show_alert({ message: __("A test is on its way to {0}", [message]), indicator: "green" });
			});
	}
}
