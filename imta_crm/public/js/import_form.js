frappe.provide("imta.import_form");

// What the forms of imports have in common; every decision is the server's.
const AT_WORK = ["Queued", "Importing"];
const LOOK_EVERY = 4000; // milliseconds
const QUIET_MINUTES = 2;

Object.assign(imta.import_form, {
	is_at_work(frm) {
		return AT_WORK.includes(frm.doc.status);
	},

	/**
	 * Show the progress that the server tells.
	 *
	 * job: event, title, fields to look up and counts(values) giving [processed, total].
	 */
	listen(frm, job) {
		frm.import_job = job;
		frappe.realtime.on(job.event, (data) => {
			if (data.name !== frm.doc.name) return;
			if (data.done) {
				frm.reload_doc();
				return;
			}
			this.show_progress(frm, data.processed, data.total);
		});
	},

	show_progress(frm, processed, total) {
		const percent = total ? (processed / total) * 100 : 0;
		frm.dashboard.show_progress(frm.import_job.title, percent, __("{0} of {1}", [processed, total]));
	},

	// Messages may not arrive: the realtime server may be down, a proxy may not let it through.
	watch(frm) {
		clearTimeout(frm.import_watch);
		if (!this.is_at_work(frm)) return;
		const { doctype, name } = frm.doc;
		const is_shown = () => frm.doc.name === name && frappe.get_route_str() === `Form/${doctype}/${name}`;
		frm.import_watch = setTimeout(() => {
			if (!is_shown()) return;
			frappe.db.get_value(doctype, name, ["status", ...frm.import_job.fields]).then(({ message: now }) => {
				if (!is_shown()) return;
				if (now && now.status !== frm.doc.status) {
					frm.reload_doc();
					return;
				}
				if (now) this.show_progress(frm, ...frm.import_job.counts(now));
				this.watch(frm);
			});
		}, LOOK_EVERY);
	},

	seems_interrupted(frm) {
		// A living import writes to its document with every chunk.
		const minutes = frappe.datetime.get_minute_diff(frappe.datetime.now_datetime(), frm.doc.modified);
		return this.is_at_work(frm) && minutes >= QUIET_MINUTES && !(frm.doc.__onload || {}).is_running;
	},

	check(frm, message) {
		const run = () =>
			imta
				.call_saved(frm, "check", { freeze: true, freeze_message: message })
				.then(() => frm.reload_doc());
		return frm.is_dirty() ? frm.save().then(run) : run();
	},

	start(frm) {
		return imta.call_saved(frm, "start_import", { freeze: true }).then(() => frm.reload_doc());
	},
});
