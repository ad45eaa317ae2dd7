// How much the people of a member take part, beside when it was last spoken with.
frappe.ui.form.on("IMTA Member", {
	refresh(frm) {
		const seen = frm.doc.__onload?.engagement;
		if (!seen || frm.is_new()) return;
		const { all, year } = seen;
		if (!all.trainings && !all.activities && !all.no_shows && !all.coming) return;
		const list = (doctype, query) =>
			`/app/${frappe.router.slug(doctype)}?${new URLSearchParams({ member: frm.doc.name, ...query })}`;
		const row = (label, key, number, route) => {
			const value = number(all[key]);
			const shown = route ? `<a href="${route}">${value}</a>` : value;
			return `<tr><td>${label}</td><td class="text-right">${number(year[key])}</td>
				<td class="text-right">${shown}</td></tr>`;
		};
		const whole = (value) => String(value || 0);
		const hours = (value) => frappe.format(value || 0, { fieldtype: "Float", precision: 1 }, { inline: true });
		const last = all.last_at
			? `<p class="text-muted">${__("Took part last on {0}", [
					frappe.datetime.str_to_user(all.last_at.slice(0, 10)),
			  ])}</p>`
			: "";
		frm.dashboard.add_section(
			`<table class="table table-sm mb-1" style="max-width: 480px"><thead><tr><th></th>
			<th class="text-right">${__("Last 12 Months")}</th><th class="text-right">${__("In All")}</th></tr></thead>
			<tbody>
			${row(__("Trainings Attended"), "trainings", whole, list("Training Enrollment", {}))}
			${row(__("Hours of Training"), "hours", hours)}
			${row(__("Activities Attended"), "activities", whole, list("Activity Delegate", {}))}
			${row(__("No-shows"), "no_shows", whole)}
			${row(__("Coming"), "coming", whole)}
			</tbody></table>${last}`,
			__("Taking Part")
		);
		frm.dashboard.show();
	},
});
