// The form shows what the server found; every decision is the server's.
const IMPORTING = ["Queued", "Importing"];
const FILTERED = { Leads: "Lead", Members: "IMTA Member" };
// The tiles show them; the fields are for lists and reports.
const COUNTS = ["total_rows", "to_invite", "held", "refused", "already", "made"];
const SOURCE = ["source", "prospect_file", "lapsed_from", "lapsed_to", "event_name", "met_from", "met_to"];
const LOOK_EVERY = 4000; // milliseconds

frappe.ui.form.on("Prospect Import", {
	setup(frm) {
		frm.set_query("campaign", () => ({
			filters: { workflow_state: ["not in", ["Completed", "Cancelled"]] },
		}));
		frm.set_query("officer", () => ({ filters: { enabled: 1, user_type: "System User" } }));
		frappe.realtime.on("prospect_import_progress", (data) => {
			if (data.name !== frm.doc.name) return;
			if (data.done) {
				frm.reload_doc();
				return;
			}
			frm.events.show_progress(frm, data.processed, data.total);
		});
	},

	show_progress(frm, processed, total) {
		frm.dashboard.show_progress(
			__("Adding prospects"),
			total ? (processed / total) * 100 : 0,
			__("{0} of {1}", [processed, total])
		);
	},

	// Messages may not arrive: the realtime server may be down, a proxy may not let it through.
	watch(frm) {
		clearTimeout(frm.import_watch);
		if (!IMPORTING.includes(frm.doc.status)) return;
		const name = frm.doc.name;
		const is_shown = () => frm.doc.name === name && frappe.get_route_str() === `Form/Prospect Import/${name}`;
		frm.import_watch = setTimeout(() => {
			if (!is_shown()) return;
			frappe.db
				.get_value("Prospect Import", name, ["status", "processed", "total_rows"])
				.then(({ message: now }) => {
					if (!is_shown()) return;
					if (now && now.status !== frm.doc.status) {
						frm.reload_doc();
						return;
					}
					if (now) frm.events.show_progress(frm, now.processed, now.total_rows);
					frm.events.watch(frm);
				});
		}, LOOK_EVERY);
	},

	refresh(frm) {
		frm.set_intro("");
		frm.toggle_display(COUNTS, false);
		SOURCE.forEach((field) => frm.toggle_enable(field, ["Draft", "Checked"].includes(frm.doc.status)));
		frm.fields_dict.summary_html.$wrapper.html((frm.doc.__onload || {}).summary_html || "");
		frm.fields_dict.file_hint.$wrapper.html(
			`<p class="text-muted small">${__(
				"CSV with headings such as Organisation, Country/Region, Email, Sector, Language; in English or Chinese."
			)}</p>`
		);
		frm.trigger("show_filters");
		if (frm.is_new()) {
			frm.set_intro(
				__("Choose where the prospects come from and save, then check. Nobody is invited by checking."),
				"blue"
			);
			return;
		}
		frm.trigger("add_buttons");
		frm.events.watch(frm);
	},

	source(frm) {
		frm.set_value("filters_json", "");
		frm.trigger("show_filters");
	},

	show_filters(frm) {
		const $area = frm.fields_dict.filter_html.$wrapper.empty();
		const doctype = FILTERED[frm.doc.source];
		if (!doctype) return;
		const editable = ["Draft", "Checked"].includes(frm.doc.status) && frm.perm[0].write;
		let filters = [];
		try {
			filters = JSON.parse(frm.doc.filters_json || "[]");
		} catch {
			filters = [];
		}
		if (!editable) {
			frappe.model.with_doctype(doctype, () => {
				const shown = filters.map(([, field, operator, value]) =>
					frappe.utils.escape_html(`${__(frappe.meta.get_label(doctype, field))} ${operator} ${value}`)
				);
				$area.html(`<p class="text-muted">${shown.join("<br>") || __("All")}</p>`);
			});
			return;
		}
		frappe.model.with_doctype(doctype, () => {
			const group = new frappe.ui.FilterGroup({
				parent: $area,
				doctype,
				on_change: () => {
					if (frm.is_filling_filters) return;
					const chosen = group.get_filters().map((filter) => filter.slice(0, 4));
					frm.set_value("filters_json", JSON.stringify(chosen));
				},
			});
			frm.is_filling_filters = true;
			Promise.resolve(group.add_filters_to_filter_group(filters)).finally(() => {
				frm.is_filling_filters = false;
			});
		});
	},

	add_buttons(frm) {
		const status = frm.doc.status;
		if (!frm.perm[0].write) return;
		if (!["Draft", "Checked"].includes(status)) frm.disable_save();
		if (status === "Draft") {
			frm.page.set_primary_action(__("Check"), () => frm.trigger("check"));
		} else if (status === "Checked") {
			frm.add_custom_button(__("Check Again"), () => frm.trigger("check"));
			if (frm.doc.to_invite || frm.doc.held) {
				frm.page.set_primary_action(__("Import"), () => frm.trigger("confirm_import"));
			}
		} else if (status === "Failed") {
			frm.add_custom_button(__("Check Again"), () => frm.trigger("check"));
			frm.add_custom_button(__("Resume"), () => frm.trigger("start_import"));
		} else if (frm.events.seems_interrupted(frm)) {
			frm.add_custom_button(__("Resume"), () => frm.trigger("start_import"));
		}
		if (frm.doc.made || (frm.doc.held && !["Draft", "Checked"].includes(status))) {
			frm.add_custom_button(__("Invitations"), () =>
				frappe.set_route("List", "Invitation", { prospect_import: frm.doc.name })
			);
		}
		if ((frm.doc.rows || []).length) {
			frm.add_custom_button(__("Download Rows"), () =>
				open_url_post(
					"/api/method/imta_crm.invitations.doctype.prospect_import.prospect_import.download_rows",
					{ name: frm.doc.name }
				)
			);
		}
	},

	seems_interrupted(frm) {
		// A living import writes to its document with every chunk.
		const quiet = frappe.datetime.get_minute_diff(frappe.datetime.now_datetime(), frm.doc.modified) >= 2;
		return IMPORTING.includes(frm.doc.status) && quiet && !(frm.doc.__onload || {}).is_running;
	},

	check(frm) {
		const run = () =>
			imta
				.call_saved(frm, "check", { freeze: true, freeze_message: __("Checking the prospects") })
				.then(() => frm.reload_doc());
		return frm.is_dirty() ? frm.save().then(run) : run();
	},

	confirm_import(frm) {
		const held = frm.doc.held ? ` ${__("{0} wait for a decision.", [frm.doc.held])}` : "";
		frappe.confirm(__("Add {0} prospects to the campaign?", [frm.doc.to_invite]) + held, () =>
			frm.trigger("start_import")
		);
	},

	start_import(frm) {
		return imta.call_saved(frm, "start_import", { freeze: true }).then(() => frm.reload_doc());
	},
});
