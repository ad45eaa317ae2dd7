frappe.provide("frappe.dashboards.chart_sources");

// One source for all charts of the app; each chart names its figure in its filters.
frappe.dashboards.chart_sources["IMTA Overview"] = {
	method: "imta_crm.overview.chart",
	filters: [],
};
