// The form shows what the server found; every decision is the server's.
const IMPORTING = ["Queued", "Importing"];
const LOOK_EVERY = 4000; // milliseconds

frappe.ui.form.on("Roster Import", {
	setup(frm) {
		frappe.realtime.on("roster_import_progress", (data) => {
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
			__("Importing members"),
			total ? (processed / total) * 100 : 0,
			__("{0} of {1} rows", [processed, total])
		);
	},

	// Messages may not arrive: the realtime server may be down, a proxy may not let it through.
	watch(frm) {
		clearTimeout(frm.roster_watch);
		if (!IMPORTING.includes(frm.doc.status)) return;
		const name = frm.doc.name;
		const is_shown = () => frm.doc.name === name && frappe.get_route_str() === `Form/Roster Import/${name}`;
		frm.roster_watch = setTimeout(() => {
			if (!is_shown()) return;
			frappe.db
				.get_value("Roster Import", name, ["status", "imported", "failed", "valid_rows"])
				.then(({ message: now }) => {
					if (!is_shown()) return;
					if (now && now.status !== frm.doc.status) {
						frm.reload_doc();
						return;
					}
					if (now) frm.events.show_progress(frm, now.imported + now.failed, now.valid_rows);
					frm.events.watch(frm);
				});
		}, LOOK_EVERY);
	},

	refresh(frm) {
		frm.set_intro("");
		frm.toggle_enable("roster_file", !IMPORTING.includes(frm.doc.status) && !frm.doc.imported);
		frm.fields_dict.summary_html.$wrapper.html((frm.doc.__onload || {}).summary_html || "");
		if (frm.is_new()) {
			frm.set_intro(__("Attach the roster and save, then check it. Nothing is imported by checking."), "blue");
			return;
		}
		frm.trigger("add_buttons");
		frm.events.watch(frm);
	},

	add_buttons(frm) {
		const status = frm.doc.status;
		if (!frm.perm[0].write) return;
		if (!["Draft", "Checked"].includes(status)) frm.disable_save();
		if (status === "Draft") {
			frm.page.set_primary_action(__("Check"), () => frm.trigger("check"));
		} else if (status === "Checked") {
			frm.add_custom_button(__("Check Again"), () => frm.trigger("check"));
			if ((frm.doc.__onload || {}).to_create) {
				frm.page.set_primary_action(__("Import"), () => frm.trigger("confirm_import"));
			}
		} else if (status === "Failed" || frm.events.seems_interrupted(frm)) {
			frm.add_custom_button(__("Resume"), () => frm.trigger("start_import"));
		}
		if (["Completed", "Completed with Problems"].includes(status)) {
			frm.add_custom_button(__("Members"), () =>
				frappe.set_route("List", "IMTA Member", { creation: [">=", frm.doc.started_at] })
			);
		}
		if (frm.doc.problem_rows || frm.doc.failed) {
			frm.add_custom_button(__("Download Problems"), () =>
				open_url_post("/api/method/imta_crm.membership.doctype.roster_import.roster_import.download_problems", {
					name: frm.doc.name,
				})
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
				.call_saved(frm, "check", { freeze: true, freeze_message: __("Checking the roster") })
				.then(() => frm.reload_doc());
		return frm.is_dirty() ? frm.save().then(run) : run();
	},

	confirm_import(frm) {
		frappe.confirm(
			__("Create {0} members? Rows with problems are left out.", [frm.doc.__onload.to_create]),
			() => frm.trigger("start_import")
		);
	},

	start_import(frm) {
		return imta.call_saved(frm, "start_import", { freeze: true }).then(() => frm.reload_doc());
	},
});
