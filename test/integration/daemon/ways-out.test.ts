/**
 * Ways out that administrators name: smarthosts with TLS and a password, a route for one destination, LMTP servers,
 * forwarding. A real daemon, scripted next hops.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeCertificate } from "../../harness/certificates.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "../../harness/manifest.ts";
import { type NextHop, startNextHop, usualExtensions } from "../../harness/next-hop.ts";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const folder = await mkdtemp(join(tmpdir(), "ways-out-"));
const certificate = await makeCertificate("smart.hosts.example");
const ca = join(folder, "ca.pem");
await writeFile(ca, certificate.cert);

const withLogin = (...mechanisms: readonly string[]) => [...usualExtensions, `AUTH ${mechanisms.join(" ")}`];
const hops = {
  smart: await startNextHop({ extensions: withLogin("PLAIN"), tls: { how: "ok", certificate } }),
  implicit: await startNextHop({ extensions: withLogin("LOGIN"), tls: { how: "implicit", certificate } }),
  rejecting: await startNextHop({
    extensions: withLogin("PLAIN"),
    tls: { how: "ok", certificate },
    reply: ({ stage }) => (stage === "auth" ? "535 5.7.8 wrong password" : undefined),
  }),
  routed: await startNextHop(),
  lmtp: await startNextHop({
    lmtp: true,
    reply: ({ stage, line }) => {
      if (stage === "dot" && line.includes("full@")) return "452 4.2.2 mailbox full";
      if (stage === "dot" && line.includes("gone@")) return "550 5.1.1 no such user";
      return undefined;
    },
  }),
} as const satisfies Record<string, NextHop>;

const smarthost = (hop: NextHop, host: string, tls: "Require" | "Implicit") => ({
  smarthost: { host, port: hop.port, tls, authSecretRef: { name: "provider" } },
});
const retry = { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" } as const;
/** Each client address has a policy of its own. */
const byClient = (last: number) => ({ acceptFrom: { cidrs: [`127.0.0.${last}/32`] }, retry });

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aMailbox("dora@home.example", { forwardTo: ["dora@far.example"] }),
    aMailbox("moved@home.example", { forwardTo: ["moved@far.example"], keepCopy: false }),
    aDomain("lmtp.example", { delivery: { lmtp: { host: "127.0.0.1", port: hops.lmtp.port, tls: "Off" } } }),
    aDomain("forward.example", { delivery: { forward: { to: ["all@far.example", "sender@home.example"] } } }),
    aSecret("provider", { username: "fleet", password: "to the provider" }),
    aPolicy({
      ...byClient(1),
      destinations: [
        {
          match: "*.routed.example",
          route: { smarthost: { host: "127.0.0.1", port: hops.routed.port, tls: "Off" } },
        },
      ],
    }),
    aPolicy({ ...byClient(11), route: smarthost(hops.smart, "smart.hosts.example", "Require") }, "smart"),
    aPolicy(
      { ...byClient(12), route: smarthost(hops.implicit, "smart.hosts.example", "Implicit") },
      "implicit",
    ),
    aPolicy({ ...byClient(13), route: smarthost(hops.smart, "other.hosts.example", "Require") }, "misnamed"),
    aPolicy(
      { ...byClient(14), route: smarthost(hops.rejecting, "smart.hosts.example", "Require") },
      "rejecting",
    ),
  ],
  hops: { "127.0.0.2": {} },
  zone: {
    "smart.hosts.example": ["A 127.0.0.1"],
    "other.hosts.example": ["A 127.0.0.1"],
    "far.example": ["A 127.0.0.2"],
    "deep.routed.example": ["A 127.0.0.2"],
    "routed.example": ["A 127.0.0.2"],
  },
  env: { NODE_EXTRA_CA_CERTS: ca },
});
after(async () => {
  await world[Symbol.asyncDispose]();
  for (const hop of Object.values(hops)) await hop[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const { observer } = world;
const far = world.hop("127.0.0.2");
const holds = (hop: NextHop, mark: string) => hop.messages.find(({ octets }) => octets.includes(mark));
const from = (client: number, mark: string) =>
  submit(world.fleet.port("smtp"), { to: "x@far.example", text: mark, as: `127.0.0.${client}` });

const smarthosts: readonly { readonly name: string; readonly client: number; readonly hop: NextHop }[] = [
  { name: "by STARTTLS, with AUTH PLAIN", client: 11, hop: hops.smart },
  { name: "by TLS from the first octet, with AUTH LOGIN", client: 12, hop: hops.implicit },
];

for (const { name, client, hop } of smarthosts)
  test(`a smarthost gets the mail ${name}, its certificate checked`, async () => {
    await observer.settled(await from(client, `mark-${client}`));
    assert.equal(holds(hop, `mark-${client}`)?.encrypted, true);
    const login = hop.commands.filter((line) => line.startsWith("AUTH"));
    const [, , secret = ""] = (login[0] ?? "").split(" ");
    if (client === 11) assert.equal(atob(secret), "\0fleet\0to the provider");
    assert.equal(holds(far, `mark-${client}`), undefined);
  });

const keeps: readonly {
  readonly name: string;
  readonly client: number;
  readonly status: string;
  readonly hop: NextHop;
}[] = [
  { name: "whose certificate is for another name", client: 13, status: "4.7", hop: hops.smart },
  { name: "that refuses our password", client: 14, status: "4.", hop: hops.rejecting },
];

for (const { name, client, status, hop } of keeps)
  test(`a smarthost ${name} gets nothing; the mail waits`, async () => {
    const id = await from(client, `mark-${client}`);
    await untilTrue("a deferral", async () => {
      const [job] = await observer.jobsOf(id);
      return job?.history.at(-1)?.reply.enhanced.startsWith(status) ?? false;
    });
    assert.equal(holds(hop, `mark-${client}`), undefined);
  });

test("a route for some destinations; others go by MX", async () => {
  await observer.settled(await world.submit({ to: "x@deep.routed.example", text: "mark-deep" }));
  await observer.settled(await world.submit({ to: "x@routed.example", text: "mark-above" }));
  assert.ok(holds(hops.routed, "mark-deep") && !holds(far, "mark-deep"));
  assert.ok(holds(far, "mark-above") && !holds(hops.routed, "mark-above"));
});

test("an LMTP server answers for each recipient on its own", async () => {
  const to = ["good@lmtp.example", "full@lmtp.example", "gone@lmtp.example"];
  const id = await world.submit({ to, text: "mark-lmtp" });
  const report = await observer.mailWith("sender@home.example", "gone@lmtp.example");
  assert.match(report, /\r\nStatus: 5\.1\.1\r\n/);
  const [job] = await observer.jobsOf(id);
  assert.deepEqual(
    job?.recipients.map(({ address }) => address),
    ["full@lmtp.example"],
  );
  assert.equal(job?.history[0]?.reply.enhanced, "4.2.2");
  assert.ok(hops.lmtp.commands[0]?.startsWith("LHLO "));
});

test("a mailbox that forwards keeps its copy, unless it says otherwise", async () => {
  await observer.settled(await world.submit({ to: "dora@home.example", text: "mark-dora" }));
  await observer.settled(await world.submit({ to: "moved@home.example", text: "mark-moved" }));
  assert.ok(holds(far, "mark-dora") && holds(far, "mark-moved"));
  await observer.mailWith("dora@home.example", "mark-dora");
  assert.equal(await observer.count("moved@home.example"), 0);
});

test("a domain that forwards sends every name on to all its targets", async () => {
  const id = await world.submit({ to: "whoever@forward.example", text: "mark-forward" });
  await observer.settled(id);
  assert.deepEqual(
    holds(far, "mark-forward")?.rcpts.map((line) => /<(.*)>/.exec(line)?.[1]),
    ["all@far.example"],
  );
  await observer.mailWith("sender@home.example", "mark-forward");
});

test("a forwarded message that comes back is refused: 5.4.6", async () => {
  await observer.settled(await world.submit({ to: "dora@home.example", text: "mark-circle" }));
  const sent = holds(far, "mark-circle")?.octets.toString() ?? "";
  const back = world.submit({ to: "dora@home.example", text: sent.replaceAll("\r\n", "\n") });
  await assert.rejects(back, /554 5\.4\.6/);
});
