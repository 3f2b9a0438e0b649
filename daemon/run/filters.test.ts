/**
 * The filters as the daemon asks them: a milter over TCP and by a socket file, rspamd over HTTP, turns, and what never
 * gets to see a message.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Filter } from "../../crds/types.ts";
import {
  type Certificate,
  makeCertificate,
  makeCertificateAuthority,
} from "../../test/harness/certificates.ts";
import { aLetter, usualText } from "../../test/harness/letter.ts";
import { startMilter } from "../../test/harness/milter.ts";
import { until } from "../../test/harness/until.ts";
import { type FilterEntry, type FilterSecrets, filterEntries } from "../directory/filters.ts";
import { FilterHealth } from "../filters/health.ts";
import { systemClock } from "../kit/clock.ts";
import { Filters } from "./filters.ts";

const entry = (over: Partial<Filter>, secrets: FilterSecrets = {}): FilterEntry => {
  const filter: Filter = { name: "f", timeout: "30s", onFailure: "Defer", connections: 20, ...over };
  const [made] = filterEntries([filter], { namespace: "team", secrets });
  return made ?? assert.fail();
};

function open() {
  const ended: string[] = [];
  const health = new FilterHealth(systemClock);
  const filters = new Filters({
    clock: systemClock,
    observe: (kind, result) => ended.push(`${kind} ${result}`),
    health,
  });
  return { filters, ended, health };
}

interface Asked {
  readonly request: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What rspamd would be, as far as we speak with it. */
async function startHttp(answer: (asked: Asked) => string | number, certificate?: Certificate) {
  const asked: Asked[] = [];
  const talk = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    let body = "";
    for await (const part of request.setEncoding("latin1")) body += part;
    const one = { request: `${request.method} ${request.url}`, headers: request.headers, body };
    asked.push(one);
    const given = answer(one);
    if (typeof given === "number") response.statusCode = given;
    response.end(typeof given === "string" ? given : "secret");
  };
  const server = certificate ? https.createServer({ ...certificate }, talk) : http.createServer(talk);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const likeRspamd = ({ request }: Asked) =>
  request === "GET /ping"
    ? "pong\r\n"
    : JSON.stringify({ action: "no action", score: 0, required_score: 15 });

test("a milter by TCP, and by a socket in the file system", async () => {
  const folder = await mkdtemp(join(tmpdir(), "milter-"));
  const path = join(folder, "sock");
  await using milter = await startMilter();
  await using local = await startMilter({ on: { E: ["q", "c"] } }, path);
  const { filters, ended } = open();
  const kept = await filters.look(entry({ milter: { address: `localhost:${milter.port}` } }), aLetter());
  assert.equal(kept.kind, "keep");
  const junk = await filters.look(entry({ milter: { address: `unix:${path}` } }), aLetter());
  assert.equal(junk.kind, "junk");
  assert.equal(local.shown.length, 1);
  assert.deepEqual(ended, ["milter keep", "milter junk"]);
  await rm(folder, { recursive: true });
});

test("rspamd gets the message with its envelope, and is asked once whether it is rspamd", async () => {
  await using rspamd = await startHttp(likeRspamd);
  const { filters } = open();
  const f = entry({ rspamd: { url: rspamd.url } });
  const opinion = await filters.look(f, aLetter());
  assert.equal(opinion.kind, "keep");
  await filters.look(f, aLetter());
  assert.deepEqual(
    rspamd.asked.map(({ request }) => request),
    ["GET /ping", "POST /checkv2", "POST /checkv2"],
  );
  const [, scan] = rspamd.asked;
  assert.equal(scan?.body, usualText);
  assert.equal(scan?.headers["ip"], "192.0.2.1");
  assert.equal(scan?.headers["content-length"], `${usualText.length}`);
  assert.equal(scan?.headers["rcpt"], "alice@example.test");
});

test("another HTTP server is shown nothing, and nothing of what it says is told", async () => {
  await using other = await startHttp(() => "secret");
  await using broken = await startHttp(() => 500);
  const { filters, ended } = open();
  await assert.rejects(
    filters.look(entry({ rspamd: { url: other.url } }), aLetter()),
    /^Error: what listens there is not rspamd$/,
  );
  await assert.rejects(
    filters.look(entry({ rspamd: { url: broken.url } }), aLetter()),
    /^Error: it answers 500$/,
  );
  assert.deepEqual(
    [...other.asked, ...broken.asked].map(({ request }) => request),
    ["GET /ping", "GET /ping"],
  );
  assert.deepEqual(ended, ["rspamd failed", "rspamd failed"]);
});

test("over https, a certificate that nobody vouches for ends it before a word is said", async () => {
  const { key, cert } = await makeCertificate("localhost");
  let asked = 0;
  const server = https.createServer({ key, cert }, (_, response) => {
    asked++;
    response.end("pong");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    for (const host of ["localhost", "127.0.0.1"])
      await assert.rejects(
        open().filters.look(entry({ rspamd: { url: `https://${host}:${port}` } }), aLetter()),
        /self-signed certificate/,
      );
    assert.equal(asked, 0);
  } finally {
    server.close();
  }
});

const passwordSecretRef = { name: "rspamd", key: "password" };

test("rspamd hears its password with the message, and not before it has said what it is", async () => {
  const password = "gr\u00fcnes Pferd";
  await using rspamd = await startHttp((one) => {
    const { password: given = "" } = one.headers;
    const right = Buffer.from(String(given), "latin1").toString() === password;
    return one.request === "GET /ping" || right ? likeRspamd(one) : 401;
  });
  const { filters } = open();
  const look = (secrets: FilterSecrets) =>
    filters.look(entry({ rspamd: { url: rspamd.url, passwordSecretRef } }, secrets), aLetter());
  assert.equal((await look({ "rspamd/password": password })).kind, "keep");
  assert.equal(rspamd.asked[0]?.request, "GET /ping");
  assert.equal(rspamd.asked[0]?.headers["password"], undefined);
  await assert.rejects(
    look({ "rspamd/password": "wrong" }),
    /^Error: it answers 401: it wants a password, or another one$/,
  );
  const before = rspamd.asked.length;
  for (const secrets of [{}, { "rspamd/password": "" }, { "rspamd/password": "a\r\nX: y" }])
    await assert.rejects(look(secrets), /^Error: its password cannot be had/);
  assert.equal(rspamd.asked.length, before, "without its password it is not asked");
});

test("over https, an authority of its own counts instead of the public ones, for its own name", async () => {
  await using authority = await makeCertificateAuthority();
  await using rspamd = await startHttp(likeRspamd, await authority.issue("rspamd.test"));
  const { filters } = open();
  const look = (more: object, host = "127.0.0.1") =>
    filters.look(entry({ rspamd: { url: `https://${host}:${rspamd.port}`, ...more } }), aLetter());
  const caBundle = authority.cert;
  const serverName = "rspamd.test";
  assert.equal((await look({ serverName, caBundle })).kind, "keep");
  const told = rspamd.asked.length;
  await assert.rejects(look({ serverName }), /unable to (verify|get)/);
  await assert.rejects(look({ caBundle }), /does not match|not in the cert/);
  await assert.rejects(look({ caBundle }, "localhost"), /does not match/);
  await assert.rejects(look({ serverName: "other.test", caBundle }), /does not match/);
  const { cert } = await makeCertificate("rspamd.test");
  await assert.rejects(look({ serverName, caBundle: cert }), /unable to (verify|get)/);
  assert.equal(rspamd.asked.length, told, "not a word was said");
});

test("an answer that does not end is not read to its end", async () => {
  await using endless = await startHttp(({ request }) =>
    request === "GET /ping" ? "pong" : "x".repeat(2 << 20),
  );
  await using chatty = await startHttp(() => "pong ".repeat(100));
  const { filters } = open();
  const look = (url: string) => filters.look(entry({ rspamd: { url } }), aLetter());
  await assert.rejects(look(endless.url), /its answer is too long/);
  await assert.rejects(look(chatty.url), /its answer is too long|is not rspamd/);
});

/** Whatever listens there: it must not be shown a stranger's octets. */
async function startSmtp() {
  const heard: string[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {}).write("220 mx ESMTP\r\n");
    socket.setEncoding("latin1").on("data", (text: string) => {
      heard.push(text);
      socket.write("500 5.5.1 what?\r\n");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, heard, [Symbol.asyncDispose]: async () => void server.close() };
}

test("an SMTP server named as a filter gets no octet of the message: nobody relays through the gateway's address", async () => {
  await using smtp = await startSmtp();
  const evil = "EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@far.test>\r\nDATA\r\n\r\nhello\r\n";
  const letter = aLetter({ sender: { path: "", body: "7BIT", smtputf8: false } }, evil);
  const { filters } = open();
  await assert.rejects(filters.look(entry({ rspamd: { url: `http://127.0.0.1:${smtp.port}` } }), letter));
  await assert.rejects(filters.look(entry({ milter: { address: `127.0.0.1:${smtp.port}` } }), letter));
  assert.doesNotMatch(smtp.heard.join(""), /MAIL FROM/);
});

for (const address of ["169.254.169.254:80", "[fe80::1]:80", "0.0.0.0:25", "224.0.0.1:25"]) {
  test(`no filter is at ${address}`, async () => {
    const { filters } = open();
    await assert.rejects(filters.look(entry({ milter: { address } }), aLetter()), /where no filter can be/);
    await assert.rejects(
      filters.look(entry({ rspamd: { url: `http://${address}` } }), aLetter()),
      /where no filter can be/,
    );
  });
}

test("so many are shown at once, as many more wait, and the next one is not kept", async () => {
  await using milter = await startMilter({ on: { E: [] } });
  const { filters } = open();
  const f = entry({ milter: { address: `127.0.0.1:${milter.port}` }, connections: 1, timeout: "1s" });
  const first = filters.look(f, aLetter());
  const second = filters.look(f, aLetter());
  await assert.rejects(filters.look(f, aLetter()), /too many messages wait/);
  await until("the first to be shown", () => (milter.shown.length > 0 ? true : undefined));
  assert.equal(milter.shown.length, 1);
  const ends = await Promise.allSettled([first, second]);
  assert.match(String((ends[0] as PromiseRejectedResult).reason), /silent for too long/);
  assert.equal(ends[1]?.status, "rejected");
});
