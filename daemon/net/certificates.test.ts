import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import type { CertificateTexts } from "../../crds/certificate.ts";
import { type Log, silent } from "../kit/log.ts";
import { Caps } from "./caps.ts";
import { Certificates, type DomainCertificate, endOf, type Installation, namesOf } from "./certificates.ts";
import { listen } from "./listen.ts";
import { serverContext } from "./secure-context.ts";
import { makeCertificate } from "./self-signed.ts";

const now = Date.now();
const year = 365 * 86_400_000;
type Names = readonly [string, ...string[]];

/** The installation's own, which may be replaced. */
function installation(...first: Names) {
  const load = (texts: CertificateTexts) => ({
    names: namesOf(texts.cert),
    end: endOf(texts.cert),
    context: serverContext(texts),
  });
  let loaded = load(makeCertificate(first, now));
  return {
    names: () => loaded.names,
    current: () => loaded.context,
    end: () => loaded.end,
    replace: (...names: Names) => {
      loaded = load(makeCertificate(names, now));
    },
  };
}

const nothing: Installation = { names: () => none, current: () => undefined, end: () => undefined };
const none: readonly string[] = [];

const of = (domain: string, ...names: Names): DomainCertificate => ({
  resource: `ns/${domain}`,
  domain,
  ...makeCertificate(names, now),
});

/** Which of them answers, as `domain`, `own` or undefined. */
function open(own: Installation, ...certificates: readonly DomainCertificate[]) {
  const errors: string[] = [];
  const log = { ...silent, error: (fields: { problem: string }) => void errors.push(fields.problem) } as Log;
  const book = new Certificates(own, log, () => now);
  book.update(certificates);
  /** Asks the book over a real handshake: the first name of the certificate that was shown. */
  return { book, errors };
}

async function shown(book: Certificates, servername: string | undefined): Promise<string | undefined> {
  const listener = await listen({
    name: "t",
    host: "127.0.0.1",
    port: 0,
    tls: "implicit",
    secureContext: (name) => book.find(name),
    onConnection: (connection) => connection.attach({ data() {}, drained() {}, ended() {}, closed() {} }),
    caps: new Caps(() => ({ connections: 10, perClient: 10 })),
    refusal: "",
    log: silent,
  });
  await using _ = listener;
  const client = tls.connect({
    port: listener.port,
    host: "127.0.0.1",
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: false,
  });
  try {
    await once(client, "secureConnect");
    return client.getPeerX509Certificate()?.subject?.replace("CN=", "");
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}

const own = installation("mx.fleet.test", "*.fleet.test");
const a = of("a.test", "mail.a.test", "*.a.test");
const b = of("b.test", "wild.b.test", "*.b.test", "imap.b.test", "mail.a.test", "mx.fleet.test");
const sub = of("sub.a.test", "x.sub.a.test");

const table = [
  { asks: undefined, gets: "mx.fleet.test", why: "no name: the default" },
  { asks: "nobody.test", gets: "mx.fleet.test", why: "an unknown name: the default" },
  { asks: "mail.a.test", gets: "mail.a.test", why: "exact" },
  { asks: "MAIL.a.test", gets: "mail.a.test", why: "whatever the case" },
  { asks: "pop.a.test", gets: "mail.a.test", why: "wildcard" },
  { asks: "x.y.a.test", gets: "mx.fleet.test", why: "a wildcard stands for one label" },
  { asks: "a.test", gets: "mx.fleet.test", why: "and not for none" },
  { asks: "imap.b.test", gets: "wild.b.test", why: "exact among several names" },
  { asks: "x.sub.a.test", gets: "x.sub.a.test", why: "a domain below another" },
  {
    asks: "mx.fleet.test",
    gets: "mx.fleet.test",
    why: "nobody's certificate goes before the installation's own",
  },
  { asks: "any.fleet.test", gets: "mx.fleet.test", why: "nor for its wildcard" },
] as const;

test("who answers for which name", async (t) => {
  const { book, errors } = open(own, a, b, sub);
  assert.deepEqual(errors, []);
  for (const { asks, gets, why } of table)
    await t.test(`${why}: ${asks}`, async () => assert.equal(await shown(book, asks), gets));
});

test("another's certificate for a name of mine does not answer, exact though it is", async () => {
  const { book } = open(own, of("a.test", "*.a.test"), of("evil.test", "mail.a.test"));
  assert.equal(await shown(book, "mail.a.test"), "*.a.test");
});

test("without one of the installation's own, a domain's is the default; without any there is none", async () => {
  assert.equal(await shown(open(nothing, a).book, "elsewhere.test"), "mail.a.test");
  const { book } = open(nothing);
  assert.equal(book.find("mail.a.test"), undefined);
  assert.equal(await shown(book, "mail.a.test"), undefined);
});

test("an installation's renewed certificate is found by its new names", async () => {
  const own = installation("mx.fleet.test");
  const { book } = open(own, a);
  own.replace("mx2.fleet.test");
  assert.equal(await shown(book, "mx2.fleet.test"), "mx2.fleet.test");
});

const bad = [
  { name: "out of date", texts: makeCertificate(["mail.a.test"], now - 2 * year), says: /expired/ },
  { name: "no PEM", texts: { cert: "x", key: "y" }, says: /tls\.crt is no certificate/ },
] as const;
for (const { name, texts, says } of bad) {
  test(`a certificate that is ${name} is told once, and the last good one stays`, async () => {
    const { book, errors } = open(own, a);
    for (const _ of [1, 2]) book.update([{ ...a, ...texts }]);
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", says);
    assert.equal(await shown(book, "pop.a.test"), "mail.a.test");
    book.update([of("a.test", "new.a.test")]);
    assert.equal(await shown(book, "new.a.test"), "new.a.test");
    assert.equal(await shown(book, "pop.a.test"), "mx.fleet.test");
  });
}

test("a certificate in use that ends soon, or has ended, is told", () => {
  const told: string[] = [];
  let at = now;
  const note = (level: string) => (fields: object, sentence: string) =>
    void told.push(`${level} ${"resource" in fields ? fields.resource : ""}: ${sentence}`);
  const own = installation("mx.fleet.test");
  const book = new Certificates(own, { ...silent, warn: note("warn"), error: note("error") }, () => at);
  book.update([of("a.test", "mail.a.test")]);
  assert.deepEqual(Object.values(book.ends), [own.end(), own.end()]);
  book.review();
  assert.deepEqual(told, []);
  at = now + 396 * 86_400_000;
  book.review();
  at = now + 398 * 86_400_000;
  book.review();
  assert.deepEqual(told, [
    "warn : the listeners' certificate ends soon: have it renewed",
    "warn MailDomain ns/a.test: a domain's certificate ends soon: have it renewed",
    "error : the listeners' certificate has expired: have it renewed",
    "error MailDomain ns/a.test: a domain's certificate has expired: have it renewed",
  ]);
});

test("a domain that has none any more answers for nothing", async () => {
  const { book } = open(own, a);
  book.update([]);
  assert.equal(await shown(book, "mail.a.test"), "mx.fleet.test");
});

test("a reload cuts no connection, and holds for one that is open and starts TLS later", async () => {
  const { book } = open(nothing, of("a.test", "old.a.test"));
  const secured = Promise.withResolvers<void>();
  const start = Promise.withResolvers<() => Promise<unknown>>();
  const events = { data() {}, drained() {}, ended() {}, closed() {} };
  await using listener = await listen({
    name: "t",
    host: "127.0.0.1",
    port: 0,
    tls: "starttls",
    secureContext: (name) => book.find(name),
    onConnection: (connection) => {
      connection.attach(events);
      const { startTls } = connection;
      assert.ok(startTls);
      start.resolve(() => startTls().then(() => secured.resolve()));
    },
    caps: new Caps(() => ({ connections: 10, perClient: 10 })),
    refusal: "",
    log: silent,
  });
  const socket = net.connect({ port: listener.port, host: "127.0.0.1" });
  const begin = await start.promise;
  book.update([of("a.test", "new.a.test")]);
  void begin();
  const client = tls.connect({ socket, servername: "new.a.test", rejectUnauthorized: false });
  await once(client, "secureConnect");
  await secured.promise;
  assert.match(client.getPeerX509Certificate()?.subject ?? "", /new\.a\.test/);
  book.update([]);
  client.write("still here");
  assert.equal(client.destroyed, false);
  client.destroy();
});

test("ten thousand certificates are indexed without making a context for each", () => {
  const texts = makeCertificate(["mail.a.test"], now);
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    resource: `ns/d${i}`,
    domain: `d${i}.test`,
    ...texts,
  }));
  const { book } = open(nothing);
  book.update(many);
  const before = process.memoryUsage().external;
  book.update(many);
  assert.ok(process.memoryUsage().external - before < 8 << 20);
  assert.notEqual(book.find("mail.a.test"), undefined);
});
