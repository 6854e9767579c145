// SPDX-FileCopyrightText: 2026 The Tercet authors
// SPDX-License-Identifier: MIT
// What xmpp.js does of SASL2, Bind 2, FAST and stream management, told by tests/clients/xmppjs.py:
//
//	node talk.mjs SERVICE DOMAIN USERNAME PASSWORD
//
// SERVICE is "xmpp://127.0.0.1:PORT" (STARTTLS) or "xmpps://..."; what the certificate is
// checked with comes from NODE_EXTRA_CA_CERTS. Ends with "done", or with 1.
import assert from "node:assert/strict";
import { randomUUID, webcrypto } from "node:crypto";
import { client, xml } from "@xmpp/client";

globalThis.crypto ??= webcrypto; // Node.js 18, as in Debian 12

const [service, domain, username, password] = process.argv.slice(2);
const SASL2 = "urn:xmpp:sasl:2";
const userAgent = xml("user-agent", { id: randomUUID() }, xml("software", {}, "xmpp.js"));

// One client: what it sent to log in, what it was answered, and its stanzas.
function make(token) {
	const me = client({ service, domain, resource: "js", credentials: { username, password, token },
		userAgent });
	me.mechanisms_used = [];
	me.answers = [];
	me.reconnect.delay = 10;
	me.on("error", (error) => console.error("error:", error.message));
	me.on("send", (sent) => {
		if (sent.is("authenticate", SASL2))
			me.mechanisms_used.push(sent.attrs.mechanism);
		assert(!sent.is("auth"), "it logged in by the old profile");
	});
	me.on("element", (got) => {
		if (got.getNS() === SASL2)
			me.answers.push(got);
	});
	me.fast.saveToken = async (saved) => { me.saved = saved; };
	me.fast.fetchToken = async () => me.saved ?? token;
	me.fast.deleteToken = async () => { me.saved = undefined; };
	return me;
}

function event(me, name) {
	return new Promise((resolve) => me.once(name, resolve));
}

// A message to our own address comes back to this session.
async function echo(me, text) {
	const heard = new Promise((resolve) => {
		me.on("stanza", function listen(stanza) {
			if (!stanza.is("message") || stanza.getChildText("body") !== text)
				return;
			me.off("stanza", listen);
			resolve(stanza);
		});
	});
	await me.send(xml("message", { to: me.jid.bare().toString(), type: "chat", id: randomUUID() },
		xml("body", {}, text)));
	return heard;
}

function success(me) {
	return me.answers.filter((answer) => answer.is("success")).at(-1);
}

async function with_password() {
	const me = make();
	const jid = await me.start();
	assert.deepEqual(me.mechanisms_used, ["SCRAM-SHA-1"]);
	assert.equal(jid.bare().toString(), `${username}@${domain}`);
	assert(success(me).getChild("bound", "urn:xmpp:bind:0"), "Bind 2 did not bind");
	assert.match(jid.resource, /^js/, "the tag is not part of the resource");
	assert(me.streamManagement.enabled, "XEP-0198 was not enabled with the login");
	assert(me.saved?.token, "no FAST token was given");
	await me.send(xml("presence"));
	await echo(me, "by password");
	await me.iqCaller.request(xml("iq", { type: "get", to: domain },
		xml("ping", "urn:xmpp:ping")), 10_000);
	console.log("password, bind, enable, token: good");
	return me;
}

// The connection breaks: xmpp.js comes back by its token and resumes in one round trip.
async function resumes(me) {
	me.mechanisms_used.length = 0;
	const resumed = event(me.streamManagement, "resumed");
	me.socket.socket.destroy();
	await resumed;
	assert.deepEqual(me.mechanisms_used, ["HT-SHA-256-NONE"]);
	assert(success(me).getChild("resumed", "urn:xmpp:sm:3"), "no <resumed/> inside <success/>");
	await echo(me, "after the break");
	await me.stop();
	console.log("broken, token, resumed: good");
	return me.saved;
}

async function with_token(token) {
	const me = make(token);
	await me.start();
	assert.deepEqual(me.mechanisms_used, ["HT-SHA-256-NONE"]);
	assert(success(me).getChild("bound", "urn:xmpp:bind:0"), "Bind 2 did not bind");
	await me.send(xml("presence"));
	await echo(me, "by token");
	await me.stop();
	console.log("token, bind: good");
}

// A token that is none: refused, and the password on the same stream.
async function with_wrong_token(token) {
	const me = make({ ...token, token: "x".repeat(token.token.length) });
	await me.start();
	assert.deepEqual(me.mechanisms_used, ["HT-SHA-256-NONE", "SCRAM-SHA-1"]);
	assert(me.answers[0].is("failure") && me.answers[0].getChild("not-authorized"));
	await me.stop();
	console.log("wrong token, password: good");
}

const clock = setTimeout(() => {
	console.error("it took too long");
	process.exit(1);
}, 60_000);
const token = await resumes(await with_password());
await with_token(token);
await with_wrong_token(token);
clearTimeout(clock);
console.log("done");
process.exit(0);
