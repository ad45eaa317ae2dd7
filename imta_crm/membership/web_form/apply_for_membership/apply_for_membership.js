frappe.ready(() => {
	const form = frappe.web_form;

	// The language chosen by the link must also hold for what the server answers to the form.
	const chosen = new URLSearchParams(window.location.search).get("_lang");
	if (["zh", "en"].includes(chosen)) {
		document.cookie = `preferred_language=${chosen}; path=/; SameSite=Lax`;
	}

	// Frappe's web forms drop a description with HTML and know no autocomplete hints.
	const hints = {
		contact_first_name: "given-name",
		contact_last_name: "family-name",
		contact_position: "organization-title",
		email: "email",
		phone: "tel",
		website: "url",
		address_line1: "street-address",
		city: "address-level2",
		postal_code: "postal-code",
	};

	const offer_tiers = () => {
		const field = form.fields_dict.tier;
		field.imta_all = field.imta_all || field.df.options;
		const kind = form.get_value("applicant_type");
		const open = field.imta_all.filter((tier) => ["Any", kind].includes(tier.for));
		field.df.options = open;
		field.set_data(open);
		const current = form.get_value("tier");
		if (open.length === 1) {
			form.set_value("tier", open[0].value);
		} else if (current && !open.some((tier) => tier.value === current)) {
			form.set_value("tier", "");
		}
	};

	const prepare = () => {
		Object.entries(hints).forEach(([name, hint]) => {
			form.fields_dict[name]?.$input?.attr("autocomplete", hint);
		});
		if (!form.get_value("applicant_type")) form.set_value("applicant_type", "Organisation");
		form.set_value("preferred_language", frappe.boot.lang.startsWith("zh") ? "zh" : "en");
		form.on("applicant_type", offer_tiers);
		offer_tiers();
		// Choices made for the applicant are no input of the applicant's.
		frappe.form_dirty = false;
	};

	// No person sees this box. What a robot puts into it goes along and is refused by the server.
	const trap = document.querySelector(".imta-trap input");
	form.validate = () => {
		if (trap && trap.value) form.doc[trap.name] = trap.value;
		return true;
	};

	const show_thanks = form.handle_success.bind(form);
	form.handle_success = (data) => {
		show_thanks(data);
		document.querySelectorAll(".imta-reference").forEach((node) => (node.textContent = data.name));
		window.scrollTo({ top: 0 });
	};

	setTimeout(prepare, 0);
});
