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

// Charts of the overview say in `routes` where each of their labels leads. Frappe hands their data to this
// function, and keeps no way from the drawing back to them.
const make_chart = frappe.utils.make_chart;
frappe.utils.make_chart = function (wrapper, options = {}) {
	$(wrapper).data("imta_routes", options.data?.routes);
	return make_chart.call(this, wrapper, options);
};

$(document).on("click", ".frappe-chart [data-point-index]", function () {
	const route = routes_of(this)?.[cint(this.getAttribute("data-point-index"))];
	if (!route) return;
	// As a link, so that Frappe takes the filters out of the address.
	const link = $("<a>", { href: route }).appendTo(document.body);
	link[0].click();
	link.remove();
});

function routes_of(unit) {
	const report = frappe.query_report;
	if (report?.$chart?.[0]?.contains(unit)) return report.raw_data?.chart?.routes;
	return $(unit)
		.parents()
		.toArray()
		.map((element) => $(element).data("imta_routes"))
		.find(Boolean);
}
