// The form shows what the report says; a person decides on rows, the server does everything else.
const ROW_COLORS = { Matched: "green", Likely: "orange", "Not Found": "gray", Ignored: "gray", Problem: "red" };

frappe.ui.form.on("Attendance Import", {
	setup(frm) {
		frm.set_query("session", () => ({ filters: { status: ["in", ["Open", "Closed", "Held"]] } }));
		frm.set_query("enrollment", "rows", () => ({ filters: { session: frm.doc.session } }));
		frm.set_indicator_formatter("outcome", (row) => ROW_COLORS[row.outcome]);
	},

	onload(frm) {
		const zones = moment.tz?.names?.() || [];
		if (zones.length) frm.fields_dict.time_zone.set_data(zones);
	},

	refresh(frm) {
		frm.get_field("summary_html").$wrapper.html((frm.doc.__onload || {}).summary_html || "");
		const grid = frm.get_field("rows").grid;
		grid.cannot_add_rows = true;
		grid.cannot_delete_rows = true;
		grid.wrapper.find(".grid-add-row, .grid-remove-rows").hide();
		frm.toggle_display("rows_section", frm.doc.status !== "Draft");
		frm.toggle_enable(["report_file", "time_zone"], frm.doc.status !== "Completed");
		frm.set_intro("");
		if (frm.is_new()) {
			frm.set_intro(__("Attach the report and save, then check. Nothing is recorded by checking."), "blue");
			return;
		}
		if (!frm.has_perm("write")) return;
		const call = (method) => {
			const ready = frm.is_dirty() ? frm.save() : Promise.resolve();
			return ready.then(() => imta.call_saved(frm, method, { freeze: true })).then(({ message }) => {
				frm.reload_doc();
				return message;
			});
		};
		if (frm.doc.status !== "Completed") {
			const check = frm.add_custom_button(__("Check"), () => call("check"));
			if (frm.doc.status === "Draft") check.addClass("btn-primary");
		}
		if (frm.doc.status !== "Draft") {
			frm.add_custom_button(__("Record Attendance"), () =>
				call("record").then((done) =>
					frappe.show_alert({
						message: __("{0} people recorded, {1} left as they were", [done.recorded, done.left]),
						indicator: "green",
					})
				)
			).addClass("btn-primary");
		}
		if (frm.doc.status === "Completed") {
			frm.add_custom_button(__("Take Back"), () =>
				frappe.confirm(
					__("Take back what this report has recorded? Hours and certificates follow."),
					() => call("take_back")
				)
			);
		}
	},
});

frappe.ui.form.on("Attendance Import Row", {
	enrollment(frm, cdt, cdn) {
		const row = locals[cdt][cdn];
		// Who chooses an enrolment has decided.
		if (row.enrollment && ["Likely", "Not Found"].includes(row.outcome)) {
			frappe.model.set_value(cdt, cdn, "outcome", "Matched");
		}
	},
});
