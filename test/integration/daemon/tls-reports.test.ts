/**
 * Reports on TLS from two real relays of one namespace: what they see on the way to MX hosts with DANE, with a wrong key and
 * without TLS is added up, and each domain that asks for it gets one report, also the one whose TLS is broken.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { dkimRecord, generateDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { dayEnd } from "../../../daemon/mail/report/day.ts";
import { settleMs, spreadMs } from "../../../daemon/reports/reporter.ts";
import { makeCertificate } from "../../harness/certificates.ts";
import { verifiedByMailauth } from "../../harness/dkim-verify.ts";
import { startDns } from "../../harness/dns-server.ts";
import { freePort } from "../../harness/free-port.ts";
import { aDomain, aPolicy, aSecret, type Document, manifest } from "../../harness/manifest.ts";
import { partsOf } from "../../harness/mime-parts.ts";
import { NextHop, type ReceivedMessage } from "../../harness/next-hop.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { dayWithRoom, openReporter } from "../../harness/reporting.ts";
import { submit } from "../../harness/submit.ts";
import { shared, startTenantNats, tenant } from "../../harness/tenants.ts";
import { untilTrue } from "../../harness/until.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const ours = generateDkimKey("rsa-sha256");
const certificate = await makeCertificate("mx.far.example");
const key = new X509Certificate(certificate.cert).publicKey.export({ type: "spki", format: "der" });
const right = createHash("sha256").update(key).digest("hex");
const wrong = "00".repeat(32);

const opened = new AsyncDisposableStack();
after(() => opened.disposeAsync());
const world = opened.use(await startTenantNats(["team"]));
const secure = { tls: { how: "ok", certificate } } as const;
const port = await freePort();
const far = opened.use(await new NextHop(secure).listen("127.0.0.2", port));
const broken = opened.use(await new NextHop(secure).listen("127.0.0.3", port));
const plain = opened.use(await new NextHop({}).listen("127.0.0.4", port));
const zoneOf = (name: string, address: string) => ({
  [`${name}.example`]: [`MX 10 mx.${name}.example`],
  [`mx.${name}.example`]: [`A ${address}`],
  [`_smtp._tls.${name}.example`]: [`TXT "v=TLSRPTv1; rua=mailto:tls@${name}.example"`],
});
const dns = opened.use(
  await startDns({
    ...zoneOf("far", "127.0.0.2"),
    ...zoneOf("broken", "127.0.0.3"),
    ...zoneOf("plain", "127.0.0.4"),
    "silent.example": ["MX 10 mx.silent.example"],
    "mx.silent.example": ["A 127.0.0.4"],
  }),
);
dns.authentic = true;
dns.set(`_${port}._tcp.mx.far.example`, `TLSA 3 1 1 ${right}`);
dns.set(`_${port}._tcp.mx.broken.example`, `TLSA 3 1 1 ${wrong}`);

const inTeam = (document: Document): Document => ({
  ...document,
  metadata: { ...(document["metadata"] as object), namespace: "team" },
});
const resources = manifest(
  ...[
    aSecret("keys", { "postfleet.pem": ours }),
    aDomain("home.example", { dkim: { algorithms: ["Rsa2048"], secretRef: { name: "keys" } } }),
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      tlsReports: { mode: "Send", from: "tls@home.example", organization: "Home" },
    }),
  ].map(inTeam),
);
const common = [
  "--nats",
  world.nats.url,
  "--dns",
  dns.address,
  "--smtp-port",
  `${port}`,
  "--hostname",
  "mx.fleet.example",
];
const gateway = opened.use(
  await startPostfleet({ resources, args: [...common, "--role", "gateway"], env: await world.env(shared) }),
);
const relay = async () =>
  opened.use(
    await startPostfleet({
      args: [...common, "--role", "relay", "--policy", "team/default"],
      env: await world.env(tenant("team")),
    }),
  );
const command = async (...args: string[]) => {
  const env = { ...process.env, ...(await world.env(tenant("team"))), NATS_URL: world.nats.url };
  return (await run(launcher, args, { env })).stdout;
};
const send = (to: string) => submit(gateway.port("smtp"), { from: "ann@home.example", to });
const today = await dayWithRoom();

test("relays count what they see, each for itself", { timeout: 300_000 }, async () => {
  const relays = [await relay(), await relay()];
  for (const domain of ["far", "plain", "silent"]) await send(`bob@${domain}.example`);
  const waiting = await send("bob@broken.example");
  await Promise.all([far.received(1), plain.received(2)]);
  await untilTrue("the wrong key", async () =>
    /DANE/.test(await command("queue", "show", waiting).catch(() => "")),
  );
  await command("queue", "purge", waiting);
  for (const one of relays) {
    one.signal("SIGTERM");
    assert.equal(await one.exited, 0);
  }
  const shown = JSON.parse(await command("reports", "show", "broken.example", "--kind", "tls", "--json"));
  assert.equal(shown.rows[0].failure.type, "tlsa-invalid");
});

interface TlsReportJson {
  readonly policies: readonly {
    readonly policy: { readonly "policy-type": string; readonly "policy-string"?: readonly string[] };
    readonly summary: Readonly<Record<string, number>>;
    readonly "failure-details"?: readonly Readonly<Record<string, unknown>>[];
  }[];
}

function told({ octets }: ReceivedMessage): TlsReportJson {
  const [, attached] = partsOf(octets.toString("latin1"));
  assert.match(attached?.head ?? "", /^Content-Type: application\/tlsrpt\+gzip/);
  return JSON.parse(gunzipSync(Buffer.from(attached?.body ?? "", "base64")).toString()) as TlsReportJson;
}

test("each domain that asks for it gets one report, the one with the wrong key too", {
  timeout: 300_000,
}, async () => {
  const tomorrow = dayEnd(today) + settleMs + spreadMs;
  const reporters = [
    opened.use(await openReporter(world, tenant("team"), dns.address, tomorrow)),
    opened.use(await openReporter(world, shared, dns.address, tomorrow)),
  ];
  await Promise.all(reporters.map((reporter) => reporter.tick()));
  await relay();
  await Promise.all([far.received(2), broken.received(1), plain.received(3)]);
  const [good, bad, none] = [far, broken, plain].map(({ messages }) => messages.at(-1) as ReceivedMessage);
  assert.ok(good && bad && none);

  const text = bad.octets.toString("latin1");
  assert.match(text, /^TLS-Report-Domain: broken\.example\r\nTLS-Report-Submitter: home\.example\r$/m);
  assert.match(text, /^Content-Type: multipart\/report; report-type="tlsrpt";\r$/m);
  const record = { "postfleet._domainkey.home.example": dkimRecord(ours) };
  assert.deepEqual(await verifiedByMailauth(bad.octets, record), ["pass rsa-sha256 home.example postfleet"]);

  assert.deepEqual(
    told(good).policies.map(({ policy, summary }) => [
      policy["policy-type"],
      policy["policy-string"],
      summary,
    ]),
    [["tlsa", [`3 1 1 ${right}`], { "total-successful-session-count": 1, "total-failure-session-count": 0 }]],
  );
  const [policy] = told(bad).policies;
  const failures = policy?.summary["total-failure-session-count"] ?? 0;
  assert.ok(failures >= 1);
  assert.deepEqual(policy?.["failure-details"], [
    {
      "result-type": "tlsa-invalid",
      "sending-mta-ip": "127.0.0.1",
      "receiving-mx-hostname": "mx.broken.example",
      "receiving-ip": "127.0.0.3",
      "failed-session-count": failures,
      "failure-reason-code": "ERR_DANE",
    },
  ]);
  assert.equal(told(none).policies[0]?.["failure-details"]?.[0]?.["result-type"], "starttls-not-supported");
  assert.match(await command("reports", "list", "--kind", "tls"), /done: 3 sent, 1 not wanted, 0 failed/);
});
