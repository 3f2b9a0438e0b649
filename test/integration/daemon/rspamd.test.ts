/**
 * A real rspamd that asks for a password, by itself and behind a proxy that speaks https with a certificate of a private
 * authority: docs/filters.md.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { RspamdAddress } from "../../../crds/types.ts";
import {
  type Certificate,
  type CertificateAuthority,
  makeCertificateAuthority,
} from "../../harness/certificates.ts";
import { startDns } from "../../harness/dns-server.ts";
import { gtube, type Rspamd, startRspamd } from "../../harness/filter-programs.ts";
import { aDomain, aMailbox, aSecret, manifest } from "../../harness/manifest.ts";
import { needs } from "../../harness/programs.ts";
import { sendAsStranger } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld, stranger, type World } from "../../harness/world.ts";

const right = "the-right-horse-battery";
const wrong = "another-horse-battery";

/** Passes on what comes by https to a server on this machine, as an ingress or a sidecar would. */
async function startProxy(certificate: Certificate, to: number) {
  const asked: string[] = [];
  const server = https.createServer({ ...certificate }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { method, url: path, headers } = request;
    const onward = http.request({ host: "127.0.0.1", port: to, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

describe("rspamd with a password", needs("rspamd"), () => {
  const parts = new AsyncDisposableStack();
  let world: World;
  let authority: CertificateAuthority;
  let rspamd: Rspamd;
  let proxy: Awaited<ReturnType<typeof startProxy>>;

  const screened = (domain: string, how: Partial<RspamdAddress>) => {
    const url = `http://127.0.0.1:${rspamd.controllerPort}`;
    return [
      aDomain(domain, { inbound: { filters: [{ name: "peer", rspamd: { url, ...how } }] } }),
      aMailbox(`ann@${domain}`),
    ];
  };
  const asks = (name: string) => ({ passwordSecretRef: { name, key: "password" } });
  const documents = (second: string) => {
    const url = `https://localhost:${proxy.port}`;
    const proven = { url, serverName: "rspamd.inside.example", caBundle: authority.cert };
    return [
      aSecret("right", { password: right }),
      aSecret("second", { password: second }),
      ...screened("plain.example", asks("right")),
      ...screened("second.example", asks("second")),
      ...screened("without.example", {}),
      ...screened("proven.example", { ...asks("right"), ...proven }),
      ...screened("unproven.example", { ...asks("right"), url, serverName: proven.serverName }),
      ...screened("misnamed.example", { ...asks("right"), url, caBundle: proven.caBundle }),
    ];
  };

  before(async () => {
    const dns = parts.use(await startDns({}));
    rspamd = parts.use(await startRspamd(dns.address, right));
    authority = parts.use(await makeCertificateAuthority());
    proxy = parts.use(
      await startProxy(await authority.issue("rspamd.inside.example"), rspamd.controllerPort),
    );
    world = parts.use(
      await openWorld({ documents: documents(wrong), zone: { "far.example": ["A 127.0.0.2"] } }),
    );
  });
  after(() => parts.disposeAsync());

  const send = (domain: string, subject: string, body = "hello") =>
    sendAsStranger(world.fleet.port("smtp"), {
      as: stranger,
      to: [`ann@${domain}`],
      message: `From: <x@far.example>\r\nTo: <ann@${domain}>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`,
    });
  const says = (why: RegExp) => untilTrue(`${why} in the log`, () => why.test(world.fleet.log));
  const scanned = async (domain: string, subject: string) => {
    assert.match(await send(domain, subject), /^250/);
    const mail = await until("the mail", async () =>
      (await world.observer.mail(`ann@${domain}`)).find((one) => one.includes(`Subject: ${subject}`)),
    );
    assert.match(mail, /^X-Postfleet-Filter: peer=clean\r\nX-Spam-Status: No, score=/m);
    assert.match(await send(domain, "spam", gtube), /^550 5\.7\.1 Gtube pattern/);
  };

  test("with the right password it scans, over http", () => scanned("plain.example", "plain"));

  test("over https, proven by an authority and for a name of its own", async () => {
    await scanned("proven.example", "proven");
    assert.deepEqual([...new Set(proxy.asked)], ["GET /ping", "POST /checkv2"]);
  });

  test("it is asked nothing where its certificate is not proven", async () => {
    const before = proxy.asked.length;
    assert.match(await send("unproven.example", "unproven"), /^451 4\.7\.1/);
    await says(/"filter":"peer".*(unable to (verify|get)).*a content filter failed/);
    assert.match(await send("misnamed.example", "misnamed"), /^451 4\.7\.1/);
    await says(/"filter":"peer".*does not match certificate.*a content filter failed/);
    assert.equal(proxy.asked.length, before);
  });

  test("with a wrong one, or none, the message waits, and the log says why; a right one works without a restart", async () => {
    for (const domain of ["without.example", "second.example"])
      assert.match(await send(domain, "early"), /^451 4\.7\.1 A content filter does not answer/);
    await says(/it answers 401: it wants a password, or another one.*a content filter failed/);
    await world.fleet.rewrite(manifest(documents(right)));
    await untilTrue("the change", () => world.fleet.log.includes('"revision":2'));
    assert.match(await send("second.example", "late"), /^250/);
  });

  test("no password is in the log, nor open in the store", async () => {
    const { fleet } = world;
    const files = await readdir(fleet.data, { recursive: true, withFileTypes: true });
    let records = 0;
    for (const file of files.filter((one) => one.isFile())) {
      const octets = await readFile(join(file.parentPath, file.name)).catch(() => Buffer.alloc(0));
      if (octets.includes("passwordSecretRef")) records++;
      for (const word of [right, wrong]) assert.ok(!octets.includes(word), `${word} in ${file.name}`);
    }
    assert.ok(records > 0, "what was looked through is where the directory lies");
    for (const word of [right, wrong]) assert.ok(!fleet.log.includes(word));
  });
});
