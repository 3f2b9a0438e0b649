/**
 * `make bench-operator`: the operator with ten thousand domains, measured against what it promises.
 *
 * Is:     a real API server with etcd, a real NATS; daemons are stood in for by their own side of the directory, which
 *         loads every revision and acknowledges it.
 * Prints: a table of figure, promise, verdict; who took the processors; exit code 1 when a promise is broken.
 *         `--idle SECONDS` shortens the look at an idle operator, `--domains N` and `--policies N` the load, `--mailboxes N` adds to it; `--keys none`
 *         leaves DKIM keys to the operator, `--finalizers added` the finalizers, as Kubernetes before 1.36 does; `--only cold` ends after the cold start; `--profile DIR` writes where the
 *         operator's time goes.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { MailboxName } from "../../../daemon/mailbox/store.ts";
import { kinds } from "../../../operator/kube/kinds.ts";
import { finalizersOnCreate, operatorAccount } from "../../harness/chart.ts";
import { startDns } from "../../harness/dns-server.ts";
import { type Cluster, type OperatorProcess, openCluster } from "../../harness/operator.ts";
import { root } from "../../harness/source.ts";
import { until } from "../../harness/until.ts";
import { addressOf, domainOf, makeLoad, namespaceOf } from "./load.ts";
import { shareOf, shareText } from "./share.ts";
import { Watching } from "./watching.ts";

const { values } = parseArgs({
  options: {
    domains: { type: "string", default: "10000" },
    policies: { type: "string", default: "100" },
    mailboxes: { type: "string", default: "0" },
    keys: { type: "string", default: "ready" },
    finalizers: { type: "string", default: "created" },
    idle: { type: "string", default: "300" },
    only: { type: "string" },
    profile: { type: "string" },
  },
});
const [domains, policies, idleS] = [Number(values.domains), Number(values.policies), Number(values.idle)];
const keys = values.keys === "none" ? "none" : "ready";
const mailboxes = Number(values.mailboxes);
const load = { domains, policies, mailboxes, keys } as const;
const patienceMs = 1_200_000;

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly most: number;
}
const rows: Row[] = [];

function report(what: string, value: number, unit: string, most: number): void {
  rows.push({ what, value, unit, most });
  const verdict = value <= most ? "kept" : "BROKEN";
  console.log(
    `${what.padEnd(58)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(3)} at most ${most}  ${verdict}`,
  );
}

async function memoryMiB(operator: OperatorProcess, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${operator.pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1_024;
}

const seconds = (since: number): number => (performance.now() - since) / 1_000;
const percentile = (list: readonly number[], p: number): number =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor((list.length * p) / 100))] ?? 0;

/** ms from its making until it is Ready. */
async function newOne(
  cluster: Cluster,
  watching: Watching,
  name: string,
  namespace: string,
): Promise<number> {
  const begin = performance.now();
  await cluster.apply(domainOf(name, namespace));
  const at = await until(
    `${name} to be ready`,
    () => watching.readySince(`${namespace}/${name}`),
    patienceMs,
  );
  return at - begin;
}

// As `bin/postfleet` starts it; in the chart's pods of 352Mi Node bounds its heap by itself.
const nodeFlags = ["--max-semi-space-size=4", "--max-old-space-size=176"];
if (values.profile) nodeFlags.push("--cpu-prof", `--cpu-prof-dir=${values.profile}`);
let kubeconfig = "";
const startOperator = (cluster: Cluster): Promise<OperatorProcess> =>
  cluster.operator({
    kubeconfig,
    nodeFlags,
    logLevel: "info",
    config: { dns: { servers: [`${dns.host}:${dns.port}`] } },
  });

async function coldStart(
  cluster: Cluster,
  watching: Watching,
  boxes: Watching | undefined,
): Promise<OperatorProcess> {
  const before = await shareOf(cluster, undefined);
  const begin = performance.now();
  const operator = await startOperator(cluster);
  const first = await cluster.daemon("gateway");
  let early = 0;
  if (boxes)
    boxes.onReady = ({ metadata: { name } }) => {
      const address = addressOf(Number(name.slice(1)), load) as MailboxName;
      if (!first.live.current().mailbox(address)) early++;
    };
  for (const component of ["gateway", "mailbox", "mailbox"])
    await cluster.daemon(component, undefined, first);
  await until("all to be ready", () => (watching.count >= domains ? true : undefined), patienceMs);
  report(`cold start until ${domains} domains are Ready`, seconds(begin), "s", 60);
  if (boxes) {
    await until("all mailboxes, too", () => (boxes.count >= mailboxes ? true : undefined), patienceMs);
    report(`… and ${mailboxes} mailboxes`, seconds(begin), "s", 60);
    report("mailboxes that were Ready before a gateway knew them", early, "", 0);
  }
  console.log(`  processor time: ${shareText(before, await shareOf(cluster, operator))}`);
  if (keys === "none") await until("all keys to be made", () => keysMade(operator), patienceMs);
  await until("the operator to have nothing to do", () => isQuiet(operator), patienceMs);
  console.log(`nothing left to do after ${seconds(begin).toFixed(0)} s`);
  console.log(`  processor time: ${shareText(before, await shareOf(cluster, operator))}`);
  report("memory of the operator, most (RSS)", await memoryMiB(operator, "VmHWM"), "MiB", 300);
  if (boxes) report("writes of a mailbox's status", await statusWrites(cluster), "", 1.2);
  return operator;
}

/** For each of them. Whose domain is published seconds later than others is told so in between. */
async function statusWrites(cluster: Cluster): Promise<number> {
  const writes = (await cluster.api.audit()).filter(
    ({ verb, resource: what }) => verb === "patch" && what === "mailboxes/status",
  );
  return writes.length / mailboxes;
}

async function keysMade(operator: OperatorProcess): Promise<true | undefined> {
  const made = operator.log.filter(({ msg }) => msg === "DKIM keys stored").length;
  return made >= domains ? true : undefined;
}

async function duringResync(
  cluster: Cluster,
  watching: Watching,
  first: OperatorProcess,
): Promise<OperatorProcess> {
  await first[Symbol.asyncDispose]();
  const operator = await startOperator(cluster);
  await until("the first domain to be looked at", () => looked(operator), patienceMs);
  const latencies: number[] = [];
  for (let i = 0; i < 50; i++)
    latencies.push(await newOne(cluster, watching, `new${i}`, namespaceOf(i, load)));
  report("a new domain Ready while all are looked at anew, p99", percentile(latencies, 99), "ms", 2_000);
  report("… median", percentile(latencies, 50), "ms", 2_000);
  return operator;
}

/** Reconcilers work: what comes before is the hand-over, which is measured by itself. */
async function looked(operator: OperatorProcess): Promise<true | undefined> {
  const ended = /reconciles_total\{[^}]*kind="MailDomain"[^}]*\} (\d+)/.exec(await operator.metrics());
  return Number(ended?.[1]) > 0 ? true : undefined;
}

async function idle(cluster: Cluster, watching: Watching, operator: OperatorProcess): Promise<void> {
  await until("the operator to have nothing to do", () => isQuiet(operator), patienceMs);
  // Looks at DNS that still wait are no work of the queues.
  await until(
    "nothing to be told for a minute",
    () => (performance.now() - watching.lastChange > 60_000 ? true : undefined),
    patienceMs,
  );
  const before = (await cluster.api.audit()).length;
  await new Promise((resolve) => setTimeout(resolve, idleS * 1_000));
  const entries = (await cluster.api.audit()).slice(before);
  const writes = entries.filter(
    ({ verb, resource: what, path, user }) =>
      ["create", "update", "patch", "delete"].includes(verb) &&
      what !== "leases" &&
      !path.startsWith("/apis/flowcontrol") &&
      user !== "system:apiserver",
  );
  for (const { verb, resource: what, namespace, name } of writes.slice(0, 10))
    console.log(`  ${verb} ${what} ${namespace}/${name}`);
  report(`writes but leases in ${idleS} s of idleness`, writes.length, "", 0);
  report("memory of the operator when idle (RSS)", await memoryMiB(operator, "VmRSS"), "MiB", 300);
}

/** Nothing waits and nothing is under way, for a few looks in a row. */
let quiet = 0;
async function isQuiet(operator: OperatorProcess): Promise<true | undefined> {
  const figures = await operator.metrics();
  const busy = /queue_depth\{[^}]*\} [1-9]/.test(figures) || /state="busy"\} [1-9]/.test(figures);
  quiet = busy ? 0 : quiet + 1;
  await new Promise((resolve) => setTimeout(resolve, 500));
  return quiet > 10 ? true : undefined;
}

/** Until the successor has a new domain Ready. */
async function handOver(cluster: Cluster, watching: Watching, first: OperatorProcess): Promise<void> {
  const second = await startOperator(cluster);
  await standingBy(second);
  let begin = performance.now();
  first.kill("SIGTERM");
  await second.says("leading", patienceMs);
  report("hand-over after SIGTERM: the other leads", seconds(begin), "s", 3);
  await newOne(cluster, watching, "after-stop", namespaceOf(0, load));
  console.log(`… and has made a new domain Ready after ${seconds(begin).toFixed(1)} s`);
  await first.exited;
  const third = await startOperator(cluster);
  await standingBy(third);
  begin = performance.now();
  second.kill("SIGKILL");
  await third.says("leading", patienceMs);
  report("hand-over after SIGKILL: the other leads", seconds(begin), "s", 20);
  await newOne(cluster, watching, "after-crash", namespaceOf(1, load));
  console.log(`… and has made a new domain Ready after ${seconds(begin).toFixed(1)} s`);
}

async function standingBy(operator: OperatorProcess): Promise<void> {
  await until(
    "the caches to be full",
    async () => {
      const figures = await operator.metrics();
      return Number(/cached_objects\{kind="MailDomain"\} (\d+)/.exec(figures)?.[1]) >= domains
        ? true
        : undefined;
    },
    patienceMs,
  );
}

process.env["MALLOC_ARENA_MAX"] ??= "2"; // as `bin/postfleet` sets it
// Compiled code is kept, as in the image: what strips types would stay in the operator's memory.
process.env["NODE_COMPILE_CACHE"] = await mkdtemp(join(tmpdir(), "pf-compiled-"));
spawnSync(process.execPath, [join(root, "scripts/warm.ts"), "operator"], { stdio: "ignore" });
await using cluster = await openCluster({ heapGrowth: 1_000 });
kubeconfig = await operatorAccount(cluster.api);
if (values.finalizers === "created") await finalizersOnCreate(cluster.api);
await using dns = await startDns({});
const begin = performance.now();
const empty = await shareOf(cluster, undefined);
await makeLoad(cluster, load);
console.log(`${domains} MailDomains and ${policies} RelayPolicies made in ${seconds(begin).toFixed(0)} s`);
console.log(`  processor time: ${shareText(empty, await shareOf(cluster, undefined))}`);
await using watching = new Watching(cluster);
await using boxes = mailboxes > 0 ? new Watching(cluster, kinds.Mailbox) : undefined;
let operator = await coldStart(cluster, watching, boxes);
if (values.only !== "cold") {
  operator = await duringResync(cluster, watching, operator);
  await idle(cluster, watching, operator);
  await handOver(cluster, watching, operator);
}
const broken = rows.filter(({ value, most }) => value > most);
console.log(`${rows.length - broken.length} promises kept, ${broken.length} broken`);
process.exitCode = broken.length > 0 ? 1 : 0;
