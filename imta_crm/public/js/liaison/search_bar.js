// The search bar understands "log contact swiss alpine": the members found can be picked at once.
frappe.provide("imta.liaison");

const METHOD = "imta_crm.liaison.contacts.find_members";
// Above "Search for …", which is 100: Enter takes the first.
const FIRST = 110;

function asked_for(txt) {
	// Longest first, so that "log contact with" does not leave "with" in the name.
	const words = [__("Log Contact with"), __("Log Contact"), "log contact with", "log contact", "log"];
	const typed = txt.toLowerCase();
	for (const word of words) {
		const start = word.toLowerCase();
		if (typed === start) return "";
		// Chinese puts no space between the words and the name.
		const needs_space = /[a-z]$/.test(start);
		if (typed.startsWith(needs_space ? `${start} ` : start)) return txt.slice(start.length).trim();
	}
	return null;
}

function option(member, index) {
	const label = __("Log Contact with {0}", [member.member_name]);
	return {
		type: "Log Contact",
		label: frappe.utils.escape_html(label),
		// The bar finds what was picked by this text: members of one name in two countries must differ.
		value: `${label} (${member.name})`,
		index: FIRST - index,
		match: member.name,
		onclick: () => imta.liaison.log_contact(member),
	};
}

frappe.search.AwesomeBar = class AwesomeBar extends frappe.search.AwesomeBar {
	add_defaults(txt) {
		super.add_defaults(txt);
		if (!frappe.model.can_create("Liaison Contact")) return;
		const wanted = asked_for(txt);
		if (wanted === null) return;
		this.options.push({
			type: "Log Contact",
			label: __("Log Contact"),
			value: __("Log Contact"),
			index: FIRST - 9.5,
			match: "Log Contact",
			onclick: () => imta.liaison.log_contact(),
		});
		if (wanted) this.add_members(wanted);
	}

	async add_members(txt) {
		const asked = (this.members_asked = Symbol(txt));
		const members = await frappe.xcall(METHOD, { txt });
		// Something else has been typed meanwhile.
		if (this.members_asked !== asked || !this.awesomplete.input.value) return;
		this.options = members.map(option).concat(this.options);
		this.awesomplete.list = this.deduplicate(this.options);
	}
};
