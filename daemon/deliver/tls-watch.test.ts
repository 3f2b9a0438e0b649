/**
 * What is told of sessions: real connections to scripted MX hosts, each with another fault.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { type Certificate, makeCertificate } from "../../test/harness/certificates.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { type Script, startNextHop } from "../../test/harness/next-hop.ts";
import { silent } from "../kit/log.ts";
import type { Domain } from "../mail/address.ts";
import type { StsPolicy } from "../mail/mta-sts.ts";
import type { Tlsa } from "../mail/tlsa.ts";
import { dial } from "../net/dial.ts";
import type { PolicyName } from "../queue/job.ts";
import { openRemote } from "./remote.ts";
import type { Answer } from "./route/dns.ts";
import { secured } from "./route/secure.ts";
import type { Candidate, NextHops, SiteName } from "./route/types.ts";
import { Hosts } from "./site/hosts.ts";
import type { TlsSession, TlsWatch } from "./tls-watch.ts";

const host = "mx.far.test";
const certificate = await makeCertificate(host);
const another = await makeCertificate("else.test");
const key = (of: Certificate) =>
  createHash("sha256")
    .update(new X509Certificate(of.cert).publicKey.export({ type: "spki", format: "der" }))
    .digest();
const tlsa = (data: Buffer): Answer<Tlsa> => ({
  kind: "found",
  records: [{ usage: 3, selector: 1, matching: 1, data }],
  ttlMs: 1,
  authentic: true,
});
const sts = (mode: StsPolicy["mode"], mx = host): StsPolicy => ({ mode, mx: [mx], maxAgeSeconds: 60 });

interface Given {
  readonly script?: Script;
  readonly tlsa?: Answer<Tlsa>;
  readonly policy?: StsPolicy;
  readonly trouble?: "sts-policy-fetch-error";
}

const opened: AsyncDisposable[] = [];
after(async () => {
  for (const one of opened) await one[Symbol.asyncDispose]();
});

/** What is told of one attempt, in a few words. */
async function attempt(given: Given): Promise<readonly string[]> {
  const hop = await startNextHop(given.script ?? {});
  opened.push(hop);
  const candidate: Candidate = { host, address: "127.0.0.1", family: 4, port: hop.port, preference: 1 };
  const watch: TlsWatch = {
    policy: "default/default" as PolicyName,
    domain: "far.test" as Domain,
    hosts: new Map(),
    lost: [],
  };
  const signal = AbortSignal.timeout(120_000);
  const means = {
    tlsa: async () => given.tlsa ?? ({ kind: "none", ttlMs: 1 } as const),
    policy: async () => given.policy,
    policyTrouble: () => (given.trouble ? { type: given.trouble } : undefined),
  };
  const authentic = new Set(given.tlsa ? [host] : []);
  const { candidates } = await secured("far.test", [candidate], authentic, means, signal, watch);
  const told: TlsSession[] = [];
  const next: NextHops = {
    site: "x" as SiteName,
    policy: "team/default" as PolicyName,
    candidates,
    tls: "Opportunistic",
    verify: false,
    limits: { maxConnections: 1, messagesPerConnection: 1 },
    watch,
  };
  const remote = {
    dial,
    queue: { body: () => assert.fail("no body is read") },
    chance: () => 0,
    clock: new FakeClock(),
    hosts: new Hosts(() => 0),
    log: silent,
    tell: (session: TlsSession) => told.push(session),
  };
  const found = await openRemote(next, false, { ehloName: "us.test", sources: [], turn: 0 }, remote, signal);
  if (found.kind === "open") found.carrier.close();
  return told.map(({ seen, failure }) => {
    const where = failure?.mx === undefined ? "" : ` at ${failure.mx}`;
    const from = failure?.sender === undefined ? "" : ` from ${failure.sender} to ${failure.receiver}`;
    return `${seen.type}: ${failure ? `${failure.type}${where}${from}${failure.reason ? ` (${failure.reason})` : ""}` : "good"}`;
  });
}

const tls = (of: Certificate, how: "ok" | "broken" = "ok"): Script => ({ tls: { how, certificate: of } });
const from = " from 127.0.0.1 to 127.0.0.1";
const failure = (type: string, code = "") => `${type} at ${host}${from}${code && ` (${code})`}`;

const table: readonly (readonly [string, Given, readonly string[]])[] = [
  ["TLS, and nothing is demanded", { script: tls(certificate) }, ["no-policy-found: good"]],
  ["no TLS", {}, [`no-policy-found: ${failure("starttls-not-supported")}`]],
  [
    "STARTTLS is refused",
    {
      script: {
        ...tls(certificate),
        reply: ({ stage }) => (stage === "starttls" ? "454 4.7.0 no" : undefined),
      },
    },
    [`no-policy-found: ${failure("starttls-not-supported")}`],
  ],
  ["DANE, the right key", { script: tls(certificate), tlsa: tlsa(key(certificate)) }, ["tlsa: good"]],
  [
    "DANE, another key",
    { script: tls(another), tlsa: tlsa(key(certificate)) },
    [`tlsa: ${failure("tlsa-invalid", "ERR_DANE")}`],
  ],
  ["DANE, no TLS", { tlsa: tlsa(key(certificate)) }, [`tlsa: ${failure("starttls-not-supported")}`]],
  [
    "TLSA records that cannot be looked up",
    { tlsa: { kind: "failed", text: "SERVFAIL" } },
    [`tlsa: dnssec-invalid at ${host}`],
  ],
  [
    "MTA-STS enforced, a certificate that nobody vouches for",
    { script: tls(certificate), policy: sts("enforce") },
    [`sts: ${failure("certificate-not-trusted", "DEPTH_ZERO_SELF_SIGNED_CERT")}`],
  ],
  [
    "MTA-STS in testing: told, and delivered",
    { script: tls(certificate), policy: sts("testing") },
    [`sts: ${failure("certificate-not-trusted", "DEPTH_ZERO_SELF_SIGNED_CERT")}`],
  ],
  [
    "MTA-STS in testing, a host that it does not name",
    { script: tls(certificate), policy: sts("testing", "other.test") },
    [`sts: ${failure("validation-failure", "mx-not-in-policy")}`],
  ],
  [
    "MTA-STS enforced, a host that it does not name",
    { script: tls(certificate), policy: sts("enforce", "other.test") },
    [`sts: validation-failure at ${host} (mx-not-in-policy)`],
  ],
  ["MTA-STS taken back", { script: tls(certificate), policy: sts("none") }, ["no-policy-found: good"]],
  [
    "a policy that cannot be fetched",
    { script: tls(certificate), trouble: "sts-policy-fetch-error" },
    ["sts: sts-policy-fetch-error", "no-policy-found: good"],
  ],
  [
    "the host does not want us at all",
    { script: { reply: ({ stage }) => (stage === "connect" ? "554 5.7.1 go away" : undefined) } },
    [],
  ],
];
for (const [name, given, want] of table) test(name, async () => assert.deepEqual(await attempt(given), want));

test("a handshake that breaks is told once, and plain text after it is not a second session", async () => {
  const [told, ...more] = await attempt({ script: tls(certificate, "broken") });
  assert.match(told ?? "", /^no-policy-found: validation-failure at mx\.far\.test from .* \(ERR_SSL_/);
  assert.deepEqual(more, []);
});
