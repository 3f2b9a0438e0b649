import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { KubeObject } from "../kube/object.ts";
import type { Answer, Kubectl } from "./kubectl.ts";
import { plugin } from "./plugin.ts";

const now = Date.parse("2026-03-01T12:00:00Z");
const made = "2026-03-01T09:00:00Z";
const condition = (type: string, status: string, message = "") => ({
  type,
  status,
  message,
  reason: "R",
  lastTransitionTime: "2026-03-01T11:00:00Z",
});

const domain = (over: object = {}): KubeObject => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind: "MailDomain",
  metadata: { name: "example", namespace: "shop", creationTimestamp: made },
  spec: { domain: "example.org" },
  status: {
    loaded: "4/4",
    conditions: [condition("Ready", "True", "Mail works."), condition("DNSVerified", "True")],
    endpoints: [{ service: "Imaps", host: "mail.example.org", port: 993, addresses: ["192.0.2.7"] }],
    dnsRecords: [
      {
        type: "MX",
        name: "example.org",
        value: "10 mx.example.org",
        observed: ["10 mx.example.org"],
        state: "Ok",
        required: true,
      },
      {
        type: "TXT",
        name: "example.org",
        value: "v=spf1 mx ~all",
        state: "Missing",
        observed: [],
        required: true,
      },
    ],
    ...over,
  },
});
const mailbox: KubeObject = {
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind: "Mailbox",
  metadata: { name: "alice", namespace: "shop", creationTimestamp: made },
  spec: { address: "alice@example.org", quota: "1Gi" },
  status: { used: "41Mi", conditions: [condition("Ready", "True")] },
};
const policy: KubeObject = {
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind: "RelayPolicy",
  metadata: { name: "default", namespace: "shop", creationTimestamp: made },
  spec: { route: { smarthost: { host: "smtp.example.net" } } },
  status: { replicas: 2, queue: { due: 3, deferred: 40 }, conditions: [condition("Ready", "True")] },
};
const pod = (name: string, ready: boolean, component = "gateway"): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "mail",
    creationTimestamp: made,
    labels: { "app.kubernetes.io/component": component },
  },
  status: {
    phase: "Running",
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    containerStatuses: [
      { restartCount: ready ? 0 : 2, state: ready ? {} : { waiting: { reason: "CrashLoopBackOff" } } },
    ],
  },
});

interface Scene {
  readonly lists?: Readonly<Record<string, readonly KubeObject[]>>;
  readonly answers?: (args: readonly string[]) => Answer | undefined;
}

/** A kubectl that knows these objects, and writes down what it was asked. */
function scene({ lists = {}, answers }: Scene) {
  const asked: string[][] = [];
  const lines: string[] = [];
  const kubectl: Kubectl = {
    run: async (args) => {
      asked.push([...args]);
      const special = answers?.(args);
      if (special) return special;
      const kind = (args[1] ?? "").split(".")[0] ?? "";
      return {
        code: 0,
        out: args[0] === "get" ? JSON.stringify({ items: lists[kind] ?? [] }) : "text",
        error: "",
      };
    },
    hand: async (args) => {
      asked.push([...args]);
      return 3;
    },
  };
  const run = (...argv: string[]) =>
    plugin(argv, {
      line: (text) => void lines.push(text),
      now: () => now,
      kubectl: () => kubectl,
      signal: AbortSignal.timeout(60_000),
    });
  return { run, asked, text: () => lines.join("\n") };
}

const well = {
  maildomains: [domain()],
  mailboxes: [mailbox],
  relaypolicies: [policy],
  pods: [pod("gw-1", true)],
};

test("status when all is well", async () => {
  const { run, text } = scene({ lists: well });
  assert.equal(await run("status", "-A"), 0);
  assert.equal(
    text(),
    `DOMAIN       RESOURCE      READY  LOADED  DNS   AGE
example.org  shop/example  True   4/4     True  3h

RELAYPOLICY   READY  PODS  DUE  DEFERRED  ROUTE             AGE
shop/default  True   2     3    40        smtp.example.net  3h

POD        ROLE     READY  RESTARTS  AGE
mail/gw-1  gateway  True   0         3h

MAILBOXES: 1 of 1 ready

All is well.`,
  );
});

test("status tells everything that is wrong, and its exit code says so", async () => {
  const conditions = [
    condition("Ready", "False", "Secret shop/cert is missing; create it"),
    condition("DNSVerified", "False", "2 of 9 records are missing"),
  ];
  const lists = { ...well, maildomains: [domain({ conditions })], pods: [pod("gw-1", false)] };
  const { run, text } = scene({ lists });
  assert.equal(await run("status"), 1);
  assert.match(text(), /Pod mail\/gw-1 is not ready: CrashLoopBackOff/);
  assert.match(text(), /MailDomain shop\/example: Secret shop\/cert is missing; create it/);
  assert.match(text(), /2 of 9 records are missing \(kubectl postfleet dns example\.org\)/);
});

test("a resource that no operator has looked at is not well", async () => {
  const { run, text } = scene({ lists: { maildomains: [{ ...domain(), status: undefined }] } });
  assert.equal(await run("status"), 1);
  assert.match(text(), /no operator has looked at it yet/);
});

test("status of one domain, by its name in any case", async () => {
  const { run, text } = scene({ lists: well });
  assert.equal(await run("status", "Example.ORG"), 0);
  assert.match(text(), /Ready +True +60m +Mail works\./);
  assert.match(text(), /Imaps +mail\.example\.org:993 +192\.0\.2\.7/);
  assert.match(text(), /alice@example\.org +True +41Mi +1Gi/);
  assert.match(text(), /DNS Missing: example\.org TXT should be v=spf1 mx ~all/);
});

test("an unknown domain: which ones there are", async () => {
  const { run } = scene({ lists: well });
  await assert.rejects(
    run("status", "example.net"),
    /no MailDomain is example\.net here \(there are: example\.org\)/,
  );
});

test("dns: for people, as JSON, and as a zone file", async () => {
  const { run, text } = scene({ lists: well });
  assert.equal(await run("dns", "example.org"), 1);
  assert.match(
    text(),
    /^Ok +example\.org MX\n {2}10 mx\.example\.org\nMissing +example\.org TXT\n {2}v=spf1 mx ~all$/,
  );
  const zone = scene({ lists: well });
  await zone.run("dns", "example.org", "--zone");
  assert.match(
    zone.text(),
    /^example\.org\. 3600 IN MX +10 mx\.example\.org\.\nexample\.org\. 3600 IN TXT +"v=spf1 mx ~all"$/,
  );
  const json = scene({ lists: well });
  await json.run("dns", "example.org", "--json");
  assert.equal(JSON.parse(json.text()).length, 2);
});

test("dns: a record that is only good to have is told, and lacking it is no fault", async () => {
  const dnsRecords = [
    {
      type: "MX",
      name: "example.org",
      value: "10 mx.example.org",
      state: "Ok",
      observed: [],
      required: true,
    },
    { type: "SRV", name: "_imaps._tcp.example.org", value: "0 1 993 mx.example.org", state: "Missing" },
  ];
  const { run, text } = scene({ lists: { ...well, maildomains: [domain({ dnsRecords })] } });
  assert.equal(await run("dns", "example.org"), 0);
  assert.match(text(), /^Missing {3}_imaps\._tcp\.example\.org SRV \(good to have\)$/m);
});

test("queue, trace and mailbox run in a pod that is ready; their exit code is ours", async () => {
  const { run, asked } = scene({ lists: { pods: [pod("gw-1", false), pod("gw-2", true)] } });
  assert.equal(await run("queue", "list", "--json"), 3);
  assert.deepEqual(asked.at(-1), [
    "exec",
    "gw-2",
    "--namespace",
    "mail",
    "--container",
    "postfleet",
    "--",
    "postfleet",
    "queue",
    "list",
    "--json",
  ]);
});

test("no pod: what to do", async () => {
  await assert.rejects(scene({}).run("trace", "x"), /no pod of a gateway runs in this cluster/);
});

test("suspend and resume set paused", async () => {
  const { run, asked, text } = scene({});
  assert.equal(await run("suspend", "default", "-n", "shop"), 0);
  assert.deepEqual(asked.at(-1), [
    "patch",
    "relaypolicies.mail.postfleet.dev",
    "default",
    "--namespace",
    "shop",
    "--type=merge",
    "-p",
    '{"spec":{"paused":true}}',
  ]);
  await run("resume", "default");
  assert.ok(asked.at(-1)?.includes('{"spec":{"paused":false}}'));
  assert.match(text(), /is suspended[\s\S]*delivers again/);
});

test("kubectl's own words are passed on, with a remedy where there is one", async () => {
  const error = `error: the server doesn't have a resource type "maildomains"`;
  const { run } = scene({ answers: () => ({ code: 1, out: "", error }) });
  await assert.rejects(
    run("dns", "example.org"),
    /resource type "maildomains": Postfleet's resources are not installed/,
  );
});

test("a report holds what is needed, and neither addresses nor secrets", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "postfleet-plugin-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const log = 'alice@example.org logged in {"password":"hunter2"}';
  const { run, asked, text } = scene({
    lists: { ...well, pods: [pod("gw-1", false)] },
    answers: (args) => {
      if (args[0] === "logs") return { code: 0, out: log, error: "" };
      return args[1] === "nodes" ? { code: 1, out: "", error: "Error: nodes is forbidden" } : undefined;
    },
  });
  const output = join(folder, "out.tar.gz");
  assert.equal(await run("report", "-o", output), 0);
  assert.match(text(), /not in the report: nodes: Error: nodes is forbidden/);
  assert.equal(spawnSync("tar", ["-xzf", output, "-C", folder]).status, 0);
  const files = (await readdir(join(folder, "out"), { recursive: true })).sort();
  for (const file of [
    "status.txt",
    "maildomains.json",
    "problems.txt",
    "logs/mail-gw-1.txt",
    "logs/mail-gw-1-before.txt",
  ])
    assert.ok(files.includes(file), `${file} in ${files}`);
  for (const file of files.filter((name) => name.includes("."))) {
    const content = await readFile(join(folder, "out", file), "utf8");
    assert.doesNotMatch(content, /alice@|hunter2/, file);
  }
  assert.ok(!asked.flat().some((arg) => /secret/i.test(arg)), "asks for no Secret");
});
