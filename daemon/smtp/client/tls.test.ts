import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Certificate, makeCertificate } from "../../../test/harness/certificates.ts";
import {
  always,
  type NextHop,
  type Script,
  startNextHop,
  usualExtensions,
} from "../../../test/harness/next-hop.ts";
import { connectTo, mail, never } from "../../../test/harness/outbound.ts";
import { ConnectFailed } from "./connect-failed.ts";

let certificate: Certificate;
before(async () => {
  certificate = await makeCertificate("mx.b.example");
});

type How = NonNullable<Script["tls"]>["how"];
const hopWith = (how: How, more: Script = {}): Promise<NextHop> =>
  startNextHop({ ...more, tls: { how, certificate } });
const servername = "mx.b.example";

async function refused(hop: NextHop, over: Parameters<typeof connectTo>[1]): Promise<ConnectFailed> {
  const error = await connectTo(hop, over).then(
    () => assert.fail("a session"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectFailed, String(error));
  await hop.until(() => hop.concurrent === 0);
  return error;
}

for (const mode of ["Opportunistic", "Require"] as const) {
  test(`${mode}: STARTTLS, EHLO again, and the message goes encrypted`, async () => {
    await using hop = await hopWith("ok");
    await using client = await connectTo(hop, { tls: mode });
    assert.match(client.tls?.protocol ?? "", /^TLSv1\.[23]$/);
    assert.equal(client.tls?.authorized, false);
    const [outcome] = await client.send(mail(), never);
    assert.equal(outcome?.kind, "delivered");
    assert.equal(hop.messages[0]?.encrypted, true);
    assert.deepEqual(hop.commands.slice(0, 3), ["EHLO out.a.example", "STARTTLS", "EHLO out.a.example"]);
  });
}

test("Implicit: encrypted from the first octet", async () => {
  await using hop = await hopWith("implicit");
  await using client = await connectTo(hop, {
    tls: "Implicit",
    tlsOptions: { servername, verify: true, ca: certificate.cert },
  });
  assert.equal(client.tls?.authorized, true);
  assert.equal((await client.send(mail(), never))[0]?.kind, "delivered");
  assert.deepEqual(hop.commands.slice(0, 1), ["EHLO out.a.example"]);
});

test("Off: STARTTLS is left alone though offered", async () => {
  await using hop = await hopWith("ok");
  await using client = await connectTo(hop, { tls: "Off" });
  assert.equal(client.tls, undefined);
  assert.equal(client.extensions.startTls, true);
});

test("Opportunistic: a refused STARTTLS leaves the session in plain text", async () => {
  await using hop = await startNextHop({
    extensions: [...usualExtensions, "STARTTLS"],
    ...always("starttls", "454 4.7.0 no key today"),
  });
  await using client = await connectTo(hop, { tls: "Opportunistic" });
  assert.equal(client.tls, undefined);
  assert.equal((await client.send(mail(), never))[0]?.kind, "delivered");
});

for (const mode of ["Opportunistic", "Require"] as const) {
  test(`${mode}: a broken handshake is told apart`, async () => {
    await using hop = await hopWith("broken");
    const failed = await refused(hop, { tls: mode });
    assert.equal(failed.phase, "starttls");
    assert.equal(failed.tlsFailed, true);
    assert.equal(failed.verdict.enhanced, "4.7.5");
  });
}

test("Implicit: a server that speaks plain text is a failed handshake", async () => {
  await using hop = await startNextHop();
  const failed = await refused(hop, { tls: "Implicit" });
  assert.equal(failed.tlsFailed, true);
  assert.equal(failed.phase, "connect");
});

test("plain text behind the 220 is an injection, and no reason to go on in plain text", async () => {
  await using hop = await hopWith("injecting");
  const failed = await refused(hop, { tls: "Opportunistic" });
  assert.equal(failed.phase, "starttls");
  assert.equal(failed.tlsFailed, false);
  assert.equal(failed.verdict.enhanced, "4.5.0");
});

test("half a reply behind the 220 is an injection too", async () => {
  await using hop = await startNextHop({
    extensions: ["STARTTLS"],
    reply: ({ stage, connection }) => {
      if (stage !== "starttls") return undefined;
      assert.equal(connection, 1);
      return "220 ready\r\n250-AUTH"; // the session adds CRLF: the first line of a reply that never ends
    },
  });
  const failed = await refused(hop, { tls: "Require" });
  assert.equal(failed.verdict.enhanced, "4.5.0");
  assert.equal(failed.tlsFailed, false);
});

const proofs = [
  { name: "an unknown issuer", options: { servername, verify: true }, fails: true },
  {
    name: "a trusted issuer",
    options: { servername, verify: true, ca: () => certificate.cert },
    fails: false,
  },
  {
    name: "another name",
    options: { servername: "other.example", verify: true, ca: () => certificate.cert },
    fails: true,
  },
  {
    name: "an address instead of a name",
    options: { servername: "127.0.0.1", verify: true, ca: () => certificate.cert },
    fails: true,
  },
  {
    name: "another name, not verified",
    options: { servername: "other.example", verify: false },
    fails: false,
  },
  { name: "an address, not verified", options: { servername: "127.0.0.1", verify: false }, fails: false },
] as const;

for (const { name, options, fails } of proofs) {
  test(`a certificate and ${name}: ${fails ? "refused" : "fine"}`, async () => {
    await using hop = await hopWith("ok");
    const { servername, verify } = options;
    const tlsOptions = { servername, verify, ...("ca" in options ? { ca: options.ca() } : {}) };
    if (fails) {
      const failed = await refused(hop, { tls: "Require", tlsOptions });
      assert.equal(failed.tlsFailed, true);
      assert.ok(failed.cause instanceof Error);
      return;
    }
    await using client = await connectTo(hop, { tls: "Require", tlsOptions });
    assert.ok(client.tls);
  });
}

test("what was offered before STARTTLS is forgotten", async () => {
  let hellos = 0;
  await using hop = await startNextHop({
    tls: { how: "ok", certificate },
    reply: ({ stage }) => {
      if (stage !== "ehlo") return undefined;
      return ++hellos === 1 ? undefined : "250-hop\r\n250 SIZE 10";
    },
  });
  await using client = await connectTo(hop, { tls: "Require" });
  assert.deepEqual([client.extensions.pipelining, client.extensions.size], [false, { limit: 10 }]);
});

test("a password is said over TLS", async () => {
  await using hop = await hopWith("ok", { extensions: ["AUTH PLAIN"] });
  await using client = await connectTo(hop, { tls: "Require", auth: { username: "al", password: "secret" } });
  assert.ok(client.reusable);
  assert.equal(hop.commands.at(-1), "AUTH PLAIN AGFsAHNlY3JldA==");
});
