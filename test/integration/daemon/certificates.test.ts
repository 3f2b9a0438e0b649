/**
 * Certificates of domains on a real daemon's listeners: chosen by the name that a client asks for, replaced while it runs.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import { after, before, test } from "node:test";
import tls from "node:tls";
import { makeCertificate } from "../../../daemon/net/self-signed.ts";
import { aDomain, aSecret, manifest } from "../../harness/manifest.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { untilTrue } from "../../harness/until.ts";

type Pair = ReturnType<typeof makeCertificate>;
const now = Date.now();
const first = makeCertificate(["mail.a.test", "*.a.test"], now);
const second = makeCertificate(["new.a.test", "*.a.test"], now);
const expired = makeCertificate(["late.a.test"], now - 500 * 86_400_000);

const resources = ({ cert, key }: Pair) =>
  manifest(
    aSecret("a-tls", { "tls.crt": cert, "tls.key": key }),
    aDomain("a.test", {
      tls: { secretName: "a-tls" },
      hostnames: ["mail.a.test"],
      mtaSts: { mode: "Enforce" },
    }),
    aDomain("b.test"),
  );

let fleet: TestPostfleet;
before(async () => {
  fleet = await startPostfleet({ resources: resources(first), args: ["--hostname", "mx.fleet.example"] });
});
after(() => fleet[Symbol.asyncDispose]());

const nameShown = (socket: tls.TLSSocket) => socket.getPeerX509Certificate()?.subject?.replace("CN=", "");

async function shown(listener: string, servername: string): Promise<string | undefined> {
  const socket = tls.connect({
    port: fleet.port(listener),
    host: "127.0.0.1",
    servername,
    rejectUnauthorized: false,
  });
  try {
    await once(socket, "secureConnect");
    return nameShown(socket);
  } finally {
    socket.destroy();
  }
}

async function shownAfterStartTls(): Promise<string | undefined> {
  await using client = await RawClient.connect(fleet.port("smtp"));
  await client.reply();
  await client.ask("EHLO c.example");
  assert.match(await client.ask("STARTTLS"), /^220/);
  const socket = tls.connect({ socket: client.socket, servername: "pop.a.test", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return nameShown(socket);
}

test("each implicit listener shows the certificate of the name that was asked for", async () => {
  for (const listener of ["submissions", "imaps", "pop3s"]) {
    assert.equal(await shown(listener, "mail.a.test"), "mail.a.test");
    assert.equal(await shown(listener, "mx.fleet.example"), "mx.fleet.example");
    assert.equal(await shown(listener, "mail.b.test"), "mx.fleet.example");
  }
});

test("so does STARTTLS", async () => {
  assert.equal(await shownAfterStartTls(), "mail.a.test");
});

test("the gateway serves the MTA-STS policy of a domain that has one", async () => {
  const ask = async (host: string) => {
    const options = { host: "127.0.0.1", port: fleet.port("mta-sts"), servername: host, headers: { host } };
    const asking = https.get({
      ...options,
      path: "/.well-known/mta-sts.txt",
      rejectUnauthorized: false,
      agent: false,
    });
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    return `${answer.statusCode} ${Buffer.concat(parts)}`;
  };
  assert.equal(
    await ask("mta-sts.a.test"),
    "200 version: STSv1\r\nmode: enforce\r\nmx: mail.a.test\r\nmax_age: 604800\r\n",
  );
  assert.match(await ask("mta-sts.b.test"), /^404 /);
});

test("a new certificate is in force without a cut; an expired one is told and not used", async () => {
  const open = tls.connect({
    port: fleet.port("imaps"),
    host: "127.0.0.1",
    servername: "mail.a.test",
    rejectUnauthorized: false,
  });
  await once(open, "data"); // the greeting
  await fleet.rewrite(resources(second));
  await untilTrue("the new certificate", async () => (await shown("imaps", "x.a.test")) === "new.a.test");
  await fleet.rewrite(resources(expired));
  await untilTrue("the report", () => fleet.log.includes("the change is not used"));
  assert.match(
    fleet.log,
    /\.yaml:\d+: MailDomain default\/a\.test: spec\.tls\.secretName: Secret a-tls: the certificate expired at/,
  );
  assert.equal(await shown("imaps", "x.a.test"), "new.a.test");
  const answer = once(open, "data");
  open.write("a NOOP\r\n");
  assert.match(String((await answer)[0]), /^a OK/);
  open.destroy();
});
