// Reports of the meeting, and what the participants thought of the session.
frappe.ui.form.on("Training Session", {
	refresh(frm) {
		frm.get_field("results_html").$wrapper.empty();
		if (frm.is_new() || ["Draft", "Cancelled"].includes(frm.doc.status)) return;
		if (moment(frappe.datetime.now_datetime()).isBefore(frm.doc.starts_at_site)) return;
		if (frm.has_perm("write") && frm.doc.delivery !== "On Site") {
			frm.add_custom_button(__("Import Meeting Report"), () =>
				frappe.new_doc("Attendance Import", { session: frm.doc.name })
			);
		}
		const session = frm.doc.name;
		frappe.xcall("imta_crm.training.feedback.results_of", { session }, "GET").then((found) => {
			if (frm.doc.name === session) imta_show_feedback(frm, found);
		});
	},
});

const imta_show_feedback = (frm, found) => {
	const text = frappe.utils.escape_html;
	const labels = {
		overall: __("Overall"),
		content: __("Content"),
		trainer: __("Trainer"),
		organisation: __("Organisation of the Session"),
	};
	const answers = __("{0} of {1} people answered", [found.answers, found.asked]);
	let html = `<p><b>${answers}</b></p>`;
	if (found.is_hidden) {
		html += `<p class="text-muted">${__(
			"Results are shown from three answers, as fewer would tell who gave them."
		)}</p>`;
	} else if (found.answers) {
		const bar = (count) =>
			`<div class="progress" style="height: 8px; min-width: 80px"><div class="progress-bar" style="width: ${Math.round(
				(100 * count) / found.answers
			)}%"></div></div>`;
		const rows = Object.keys(labels)
			.filter((mark) => found.means[mark] !== null)
			.map(
				(mark) => `<tr><td>${labels[mark]}</td><td class="text-right"><b>${format_number(
					found.means[mark],
					null,
					1
				)}</b></td>${[5, 4, 3, 2, 1]
					.map((value) => {
						const count = found.counts[mark][value];
						return `<td title="${count}">${bar(count)}<span class="small text-muted">${count}</span></td>`;
					})
					.join("")}</tr>`
			);
		html += `<table class="table table-sm"><thead><tr><th></th><th class="text-right">${__(
			"Mean"
		)}</th>${[5, 4, 3, 2, 1].map((value) => `<th>${value}</th>`).join("")}</tr></thead><tbody>${rows.join(
			""
		)}</tbody></table><p>${__("Net promoter score: {0}", [`<b>${found.nps}</b>`])}</p>`;
		for (const [field, label] of [
			["liked", __("What Was Good")],
			["improve", __("What Could Be Better")],
		]) {
			const lines = (found.comments && found.comments[field]) || [];
			if (lines.length) {
				html += `<p class="mb-1"><b>${label}</b></p><ul>${lines
					.map((line) => `<li style="white-space: pre-line">${text(line)}</li>`)
					.join("")}</ul>`;
			}
		}
	}
	frm.get_field("results_html").$wrapper.html(html);
};
