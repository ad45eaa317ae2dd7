frappe.provide("imta.liaison");

const METHOD = "imta_crm.liaison.contacts.log_contact";
const LAST_CHANNEL = "imta:last_channel";
const CHANNELS = ["Call", "Video", "Visit", "E-mail", "WeChat", "Letter", "Event"];

/**
 * Log one contact, or the same one with many members met at one event.
 *
 * members: nothing (the dialog asks), a name, {name, member_name}, or a list of either.
 * options: values (a start for the fields), after(result).
 */
imta.liaison.log_contact = function (members, options = {}) {
	const dialog = new LogContact(as_members(members), options);
	return dialog.show();
};

function as_members(members) {
	const list = Array.isArray(members) ? members : [members];
	return list
		.filter(Boolean)
		.map((member) => (typeof member === "string" ? { name: member } : member));
}

function last_channel() {
	const key = `${LAST_CHANNEL}:${frappe.session.user}`;
	return {
		get: () => {
			const channel = localStorage.getItem(key);
			return CHANNELS.includes(channel) ? channel : "Call";
		},
		set: (channel) => localStorage.setItem(key, channel),
	};
}

class LogContact {
	constructor(members, options) {
		this.members = members;
		this.options = options;
		this.is_group = members.length > 1;
		// Sent with every attempt: a second click, or one after a lost answer, logs nothing twice.
		this.token = frappe.utils.get_random(24);
		this.opened_at = frappe.datetime.now_datetime();
	}

	async show() {
		await this.load_member_names();
		this.dialog = new frappe.ui.Dialog({
			title: this.is_group
				? __("Log Contact with {0} Members", [this.members.length])
				: __("Log Contact"),
			fields: this.get_fields(),
			size: "large",
			primary_action_label: __("Log Contact"),
			primary_action: (values) => this.save(values),
		});
		this.dialog.$wrapper.addClass("imta-log-contact");
		this.dialog.$wrapper.on("keydown", (event) => {
			if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
				event.preventDefault();
				event.stopPropagation();
				this.dialog.get_primary_btn().trigger("click");
			}
		});
		this.shown = new Promise((resolve) => this.dialog.$wrapper.one("shown.bs.modal", resolve));
		this.shown.then(() => this.focus());
		// A dialog that redraws its fields writes back what it knows; what is being typed must not be lost.
		const summary = this.dialog.fields_dict.summary;
		summary.$input.on("input", () => (summary.value = summary.get_input_value()));
		if (!this.is_group) {
			this.dialog.add_custom_action(__("Open the Full Form"), () => this.open_full_form());
		}
		this.show_members();
		this.dialog.show();
		return this.dialog;
	}

	async load_member_names() {
		const unnamed = this.members.filter((member) => !member.member_name).map((member) => member.name);
		if (!unnamed.length) return;
		const rows = await frappe.db.get_list("IMTA Member", {
			filters: { name: ["in", unnamed] },
			fields: ["name", "member_name"],
			limit: unnamed.length,
		});
		const names = Object.fromEntries(rows.map((row) => [row.name, row.member_name]));
		this.members.forEach((member) => {
			member.member_name = member.member_name || names[member.name] || member.name;
			frappe.utils.add_link_title("IMTA Member", member.name, member.member_name);
		});
	}

	get_fields() {
		const values = this.options.values || {};
		const channel = values.channel || (this.is_group ? "Event" : last_channel().get());
		const me = this;
		return [
			this.is_group
				? { fieldname: "members_html", fieldtype: "HTML" }
				: {
						fieldname: "member",
						fieldtype: "Link",
						options: "IMTA Member",
						label: __("Member"),
						reqd: 1,
						default: this.members[0]?.name,
						only_select: true,
				  },
			{
				fieldname: "channel",
				fieldtype: "Select",
				label: __("Channel"),
				options: CHANNELS.map((value) => ({ value, label: __(value, null, "Liaison Contact") })),
				default: channel,
				reqd: 1,
			},
			{
				fieldname: "event_name",
				fieldtype: "Data",
				label: __("Event"),
				default: values.event_name,
				depends_on: "eval:doc.channel=='Event'",
			},
			{
				fieldname: "summary",
				fieldtype: "Small Text",
				label: __("Summary"),
				default: values.summary,
				reqd: 1,
			},
			{ fieldtype: "Section Break", label: __("Next Step"), fieldname: "next_section" },
			{
				fieldname: "next_step",
				fieldtype: "Data",
				label: __("What"),
				length: 500,
				default: values.next_step,
			},
			{ fieldtype: "Column Break" },
			{
				fieldname: "next_step_on",
				fieldtype: "Date",
				label: __("To Be Done By"),
				mandatory_depends_on: "eval:doc.next_step",
				depends_on: "eval:doc.next_step",
			},
			{ fieldtype: "Column Break" },
			{
				fieldname: "next_step_owner",
				fieldtype: "Link",
				options: "User",
				label: __("Responsible"),
				default: frappe.session.user,
				only_select: true,
				get_query: () => ({ query: "imta_crm.liaison.people.colleague_query" }),
				depends_on: "eval:doc.next_step",
			},
			{
				fieldtype: "Section Break",
				label: __("When, Who, Outcome"),
				fieldname: "more_section",
				collapsible: 1,
			},
			{
				fieldname: "contact_at",
				fieldtype: "Datetime",
				label: __("When"),
				default: this.opened_at,
			},
			{
				fieldname: "direction",
				fieldtype: "Select",
				label: __("Direction"),
				options: ["Outgoing", "Incoming"].map((value) => ({ value, label: __(value, null, "Liaison Contact") })),
				default: "Outgoing",
			},
			{ fieldtype: "Column Break" },
			{
				fieldname: "outcome",
				fieldtype: "Select",
				label: __("Outcome"),
				options: ["", "Positive", "Neutral", "Negative", "No Answer"].map((value) => ({
					value,
					label: value && __(value, null, "Liaison Contact"),
				})),
			},
			{
				fieldname: "person",
				fieldtype: "Link",
				options: "Contact",
				label: __("Person at the Member"),
				hidden: this.is_group ? 1 : 0,
				only_select: true,
				get_query: () => ({
					query: "imta_crm.liaison.people.contact_query",
					filters: { member: me.dialog.get_value("member") },
				}),
			},
			{ fieldname: "need", fieldtype: "Data", label: __("Need Raised"), length: 280 },
		];
	}

	show_members() {
		if (!this.is_group) return;
		const pills = this.members.map(
			(member) =>
				`<span class="indicator-pill no-indicator-dot blue">${frappe.utils.escape_html(
					member.member_name
				)}</span>`
		);
		this.dialog.fields_dict.members_html.$wrapper.html(
			`<div class="imta-members-met">${pills.join(" ")}</div>`
		);
	}

	focus() {
		const first = !this.is_group && !this.dialog.get_value("member") ? "member" : "summary";
		this.dialog.fields_dict[first].$input?.trigger("focus");
	}

	save(values) {
		const members = this.is_group ? this.members.map((member) => member.name) : [values.member];
		const { channel, summary, person, need, member: _member, members_html: _html, ...details } = values;
		if (person) details.member_people = [{ contact: person }];
		if (need) details.needs = [{ need }];
		if (!details.next_step) {
			delete details.next_step_on;
			delete details.next_step_owner;
		}
		// "Now" is for the server to say: this computer's clock may be fast.
		if (details.contact_at === this.opened_at) delete details.contact_at;
		this.dialog.disable_primary_action();
		return frappe
			.xcall(METHOD, { members: JSON.stringify(members), channel, summary, token: this.token, details })
			.then(async (result) => {
				last_channel().set(channel);
				// A dialog that is still fading in does not hear that it should go.
				await this.shown;
				this.dialog.hide();
				this.tell(members, result);
				this.refresh(members);
				this.options.after?.(result);
				return result;
			})
			.catch(() => this.dialog.enable_primary_action());
	}

	open_full_form() {
		const values = this.dialog.get_values(true) || {};
		const doc = frappe.model.get_new_doc("Liaison Contact", null, null, true);
		const fields = ["member", "channel", "direction", "event_name", "summary", "outcome", "contact_at"];
		[...fields, "next_step", "next_step_on", "next_step_owner"].forEach((field) => {
			if (values[field]) doc[field] = values[field];
		});
		this.dialog.hide();
		frappe.set_route("Form", doc.doctype, doc.name);
	}

	tell(members, result) {
		const message =
			members.length > 1
				? __("Contact logged with {0} members", [members.length])
				: __("Contact logged");
		const route = `/app/liaison-contact/${encodeURIComponent(result.names[0])}`;
		frappe.show_alert({
			message: members.length > 1 ? message : `${message}: <a href="${route}">${result.names[0]}</a>`,
			indicator: "green",
		});
	}

	refresh(members) {
		if (window.cur_frm?.doctype === "IMTA Member" && members.includes(cur_frm.docname)) {
			cur_frm.reload_doc();
		} else if (["IMTA Member", "Liaison Contact"].includes(window.cur_list?.doctype)) {
			cur_list.clear_checked_items?.();
			cur_list.refresh();
		}
	}
}
