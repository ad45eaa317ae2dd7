// Dialogs of sessions, activities and their bookings: one finds and collects people, one asks for a reason.
frappe.provide("imta.seats");

/**
 * @param method finds people by `txt` (and `args`), as [{value, label, description}]
 * @param on_pick called with the values chosen and the values of `fields`; the dialog closes when its promise does
 */
imta.seats.pick_people = function ({ title, hint, action, method, args, single, fields, on_pick }) {
	const text = frappe.utils.escape_html;
	const chosen = new Map();
	let found = [];
	let asked = 0;

	const dialog = new frappe.ui.Dialog({
		title,
		fields: [
			{ fieldname: "txt", fieldtype: "Data", label: __("Name, Address or Organisation"), description: hint },
			{ fieldname: "found", fieldtype: "HTML" },
			{ fieldname: "chosen", fieldtype: "HTML" },
			...(fields || []),
		],
		primary_action_label: action,
		primary_action(values) {
			if (!chosen.size) {
				frappe.show_alert({ message: __("Choose somebody first."), indicator: "orange" });
				return;
			}
			dialog.disable_primary_action();
			Promise.resolve(on_pick([...chosen.keys()], values))
				.then(() => dialog.hide())
				.catch(() => dialog.enable_primary_action());
		},
	});

	const draw = () => {
		const rows = found.map(
			(each, index) => `<button type="button" class="list-group-item list-group-item-action py-2 ${
				chosen.has(each.value) ? "active" : ""
			}" data-index="${index}" aria-pressed="${chosen.has(each.value)}">
				${text(each.label)} <span class="small">${text(each.description || "")}</span></button>`
		);
		dialog.get_field("found").$wrapper.html(
			rows.length
				? `<div class="list-group mb-3" style="max-height: 16em; overflow-y: auto">${rows.join("")}</div>`
				: `<p class="text-muted">${__("Nobody found.")}</p>`
		);
		const pills = [...chosen.values()].map(
			(each) => `<button type="button" class="btn btn-xs btn-default mr-2 mb-2" data-drop="${text(each.value)}"
				title="${__("Remove")}">${text(each.label)} ×</button>`
		);
		dialog.get_field("chosen").$wrapper.html(pills.length && !single ? `<div>${pills.join("")}</div>` : "");
	};

	const look = () => {
		const number = ++asked;
		frappe.xcall(method, { ...args, txt: dialog.get_value("txt") || "" }).then((rows) => {
			if (number !== asked) return;
			found = rows || [];
			draw();
		});
	};

	dialog.$wrapper.on("click", "[data-index]", (event) => {
		const each = found[Number($(event.currentTarget).attr("data-index"))];
		const was_chosen = chosen.delete(each.value);
		if (single) chosen.clear();
		if (!was_chosen) chosen.set(each.value, each);
		draw();
	});
	dialog.$wrapper.on("click", "[data-drop]", (event) => {
		chosen.delete($(event.currentTarget).attr("data-drop"));
		draw();
	});
	dialog.get_field("txt").$input.on("input", frappe.utils.debounce(look, 300));
	dialog.show();
	look();
	return dialog;
};

/** Ask for a reason; resolves with it, rejects when the dialog is closed without. */
imta.seats.ask_reason = function (title, hint, action = title) {
	return new Promise((resolve, reject) => {
		let given = false;
		const dialog = new frappe.ui.Dialog({
			title,
			fields: [
				{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1, description: hint },
			],
			primary_action_label: action,
			primary_action({ reason }) {
				given = true;
				dialog.hide();
				resolve(reason);
			},
		});
		dialog.onhide = () => given || reject();
		dialog.show();
	});
};
