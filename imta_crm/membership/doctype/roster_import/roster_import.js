// The form shows what the server found; every decision is the server's.
frappe.ui.form.on("Roster Import", {
	setup(frm) {
		imta.import_form.listen(frm, {
			event: "roster_import_progress",
			title: __("Importing members"),
			fields: ["imported", "failed", "valid_rows"],
			counts: (now) => [now.imported + now.failed, now.valid_rows],
		});
	},

	refresh(frm) {
		frm.set_intro("");
		frm.toggle_enable("roster_file", !imta.import_form.is_at_work(frm) && !frm.doc.imported);
		frm.fields_dict.summary_html.$wrapper.html((frm.doc.__onload || {}).summary_html || "");
		if (frm.is_new()) {
			frm.set_intro(__("Attach the roster and save, then check it. Nothing is imported by checking."), "blue");
			return;
		}
		frm.trigger("add_buttons");
		imta.import_form.watch(frm);
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
		} else if (status === "Failed" || imta.import_form.seems_interrupted(frm)) {
			frm.add_custom_button(__("Resume"), () => imta.import_form.start(frm));
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

	check(frm) {
		return imta.import_form.check(frm, __("Checking the roster"));
	},

	confirm_import(frm) {
		frappe.confirm(
			__("Create {0} members? Rows with problems are left out.", [frm.doc.__onload.to_create]),
			() => imta.import_form.start(frm)
		);
	},
});
