// The form shows what the server found; every decision is the server's.
const FILTERED = { Leads: "Lead", Members: "IMTA Member" };
// The tiles show them; the fields are for lists and reports.
const COUNTS = ["total_rows", "to_invite", "held", "refused", "already", "made"];
const SOURCE = ["source", "prospect_file", "lapsed_from", "lapsed_to", "event_name", "met_from", "met_to"];

frappe.ui.form.on("Prospect Import", {
	setup(frm) {
		frm.set_query("campaign", () => ({
			filters: { workflow_state: ["not in", ["Completed", "Cancelled"]] },
		}));
		frm.set_query("officer", () => ({ filters: { enabled: 1, user_type: "System User" } }));
		imta.import_form.listen(frm, {
			event: "prospect_import_progress",
			title: __("Adding prospects"),
			fields: ["processed", "total_rows"],
			counts: (now) => [now.processed, now.total_rows],
		});
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
		imta.import_form.watch(frm);
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
			frm.add_custom_button(__("Resume"), () => imta.import_form.start(frm));
		} else if (imta.import_form.seems_interrupted(frm)) {
			frm.add_custom_button(__("Resume"), () => imta.import_form.start(frm));
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

	check(frm) {
		return imta.import_form.check(frm, __("Checking the prospects"));
	},

	confirm_import(frm) {
		const held = frm.doc.held ? ` ${__("{0} wait for a decision.", [frm.doc.held])}` : "";
		frappe.confirm(__("Add {0} prospects to the campaign?", [frm.doc.to_invite]) + held, () =>
			imta.import_form.start(frm)
		);
	},
});
