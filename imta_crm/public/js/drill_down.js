// From figures to documents: numbers of reports, and bars and points of charts.

frappe.provide("imta");

// Formatter of a script report whose rows say where each number leads: `routes` by column, `route` for the name.
imta.lead_to_documents = function (value, row, column, data, default_formatter) {
	let text = default_formatter(value, row, column, data);
	if (!data) return text;
	const route = column.fieldname === "label" ? data.route : value && data.routes?.[column.fieldname];
	if (route) text = `<a href="${frappe.utils.escape_html(route)}">${text}</a>`;
	return data.bold ? `<b>${text}</b>` : text;
};

// Charts that say in `routes` where each label leads: those of a report, and those of the app's overview.
document.addEventListener("click", async (event) => {
	const unit = event.target.closest?.(".frappe-chart [data-point-index]");
	if (!unit) return;
	const routes = await routes_of(unit);
	const route = routes?.[cint(unit.getAttribute("data-point-index"))];
	if (!route) return;
	// As a link, so that Frappe takes the filters out of the address.
	const link = $("<a>", { href: route }).appendTo(document.body);
	link[0].click();
	link.remove();
});

async function routes_of(unit) {
	const widget = unit.closest(".dashboard-widget-box[data-widget-name]");
	if (!widget) return frappe.query_report?.raw_data?.chart?.routes;
	const name = widget.dataset.widgetName;
	if (!(await is_of_overview(name))) return;
	return (await frappe.xcall("imta_crm.overview.chart", { chart_name: name })).routes;
}

// Charts whose source has been asked for, so that a click on another app's chart asks nothing twice.
const of_overview = {};

async function is_of_overview(name) {
	of_overview[name] ??= frappe.db
		.get_value("Dashboard Chart", name, "source")
		.then(({ message }) => message?.source === "IMTA Overview")
		.catch(() => false);
	return of_overview[name];
}
