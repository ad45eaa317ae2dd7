// Loaded before Frappe's realtime server: it listens on all addresses and has no setting for another.
// Here it listens on loopback, and a site's name under .localhost is found without a name server.
const dns = require("node:dns");
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
	const is_port = typeof port === "number" || /^\d+$/.test(String(port));
	if (is_port && typeof rest[0] !== "string") {
		return listen.call(this, Number(port), "127.0.0.1", ...rest);
	}
	return listen.call(this, port, ...rest);
};

const lookup = dns.lookup;
dns.lookup = function (name, options, callback) {
	const local = typeof name === "string" && (name === "localhost" || name.endsWith(".localhost"));
	return lookup.call(this, local ? "127.0.0.1" : name, options, callback);
};
