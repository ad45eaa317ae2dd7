frappe.ui.form.on("Liaison Contact", {
	setup(frm) {
		frm.set_query("contact", "member_people", (doc) => ({
			query: "imta_crm.liaison.people.contact_query",
			filters: { member: doc.member || "" },
		}));
		const colleague = () => ({ query: "imta_crm.liaison.people.colleague_query" });
		frm.set_query("next_step_owner", colleague);
		frm.set_query("alliance_people", colleague);
	},

	onload(frm) {
		// Frappe adds the time zone to this description and would then look the whole up.
		frm.set_df_property("contact_at", "description", __("Your own time; a contact still to come is a next step"));
		const zones = moment.tz.names?.() || [];
		if (zones.length) frm.fields_dict.time_zone.set_data(zones);
		if (!frm.is_new()) return;
		if (!frm.doc.alliance_people?.length) {
			frm.set_value("alliance_people", [{ user: frappe.session.user }]);
		}
		if (!frm.doc.time_zone) {
			frm.set_value("time_zone", frappe.boot.time_zone?.user || frappe.boot.time_zone?.system);
		}
	},

	refresh(frm) {
		frm.toggle_display("local_time", !frm.is_new());
		frm.trigger("show_next_step");
		if (frm.is_new() || !frm.perm[0]?.write || !frm.doc.next_step) return;
		const is_open = frm.doc.next_step_state === "Open";
		frm.add_custom_button(is_open ? __("Next Step Done") : __("Reopen Next Step"), () => {
			frm.set_value("next_step_state", is_open ? "Closed" : "Open").then(() => frm.save());
		});
	},

	next_step(frm) {
		if (frm.doc.next_step && !frm.doc.next_step_owner) {
			frm.set_value("next_step_owner", frappe.session.user);
		}
	},

	show_next_step(frm) {
		const { next_step, next_step_state, next_step_on } = frm.doc;
		if (next_step && next_step_state === "Open" && next_step_on < frappe.datetime.get_today()) {
			frm.set_intro(
				__("The next step was due on {0}.", [frappe.datetime.str_to_user(next_step_on)]),
				"orange"
			);
		} else {
			frm.set_intro("");
		}
	},
});
