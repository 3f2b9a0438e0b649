/**
 * A queue that is stuck: many jobs for many domains whose hosts refuse, put off or say nothing. What do they take, what do
 * they cost others, and what happens when their owner dies?
 *
 * The jobs come by SMTP, and each is tried. One relay owns all of them; it is killed, and one that is started in that moment,
 * as Kubernetes would, takes over when the lease has run out. In the end everything comes due.
 *
 * All the while messages for a healthy site are sent (`probe.ts`).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Fleet } from "../servers/postfleet.ts";
import { type Cell, openCell } from "./cell.ts";
import { fillStore } from "./fill.ts";
import { type Sent, sendLoad } from "./load.ts";
import type { ScaleOptions } from "./options.ts";
import { countOf } from "./places.ts";
import { type PhaseReport, Probe } from "./probe.ts";
import { sharedNow, waitFor } from "./time.ts";
import { deferredBy, Watch, type Weights, type Work } from "./watch.ts";
import { startWorld, type World } from "./world.ts";

export interface Takeover {
  /** Seconds since the kill: until the successor listens, makes its first contact, and knows every job. */
  readonly ready: number;
  readonly firstAttempt: number;
  readonly knowsAll: number;
}

export type Taken = ({ readonly by: "smtp" } & Sent) | { readonly by: "store"; readonly seconds: number };

export interface BacklogReport {
  readonly jobs: number;
  readonly destinations: number;
  readonly silent: number;
  readonly rate: number;
  readonly sent: Taken;
  /** Seconds until every job that has an answer had it. */
  readonly triedSeconds: number;
  readonly weights: readonly Weights[];
  readonly takeover: Takeover;
  readonly work: readonly Work[];
  readonly phases: readonly PhaseReport[];
  /** ms that a relay with all jobs takes to tell its figures. */
  readonly scrapeMs: number;
  /** Seconds that nats-server takes to start after kill -9. */
  readonly natsRestart: number;
}

const SETTLE_MS = 15_000;
const CALM_MS = 30_000;
const SESSIONS = 50;
const OCTETS = 1_000;
/** What the retry adds and takes by chance. */
const JITTER = 0.1;

const resources = (wait: number): string =>
  [
    "apiVersion: mail.postfleet.dev/v1alpha1",
    "kind: RelayPolicy",
    "metadata: {name: default, namespace: default}",
    "spec:",
    "  acceptFrom: {cidrs: [127.0.0.0/8]}",
    '  tls: "Off"',
    `  retry: {initial: ${wait}s, factor: 1, max: ${wait}s, delayNoticeAfter: 0s}`,
    "  limits: {connectionsPerClient: 1000}",
    "",
  ].join("\n");

export async function backlog(
  options: ScaleOptions,
  progress: (line: string) => void,
): Promise<BacklogReport> {
  const { jobs, by, destinations, state, wait, storm, rate } = options;
  await using world = await startWorld(destinations);
  await using cell = await openCell({
    state,
    resources: resources(wait),
    args: ["--dns", world.dns, "--smtp-port", String(world.port)],
  });
  const first = await cell.relay();
  using probe = new Probe(cell.gateway.port("smtp"), world, rate);
  const watch = new Watch(cell, progress);
  await delay(SETTLE_MS);

  probe.begin("nothing else");
  await watch.during("nothing else", first, () => delay(CALM_MS));
  await watch.weigh("empty", first);

  probe.begin("taking them in");
  const began = performance.now();
  const silent = Math.round((jobs * countOf("silent", destinations)) / destinations);
  const sent = await watch.during("taking them in", first, () => takeIn(cell, options));
  progress(`they were accepted in ${sent.seconds.toFixed(0)} s`);
  const goal = by === "smtp" ? jobs - silent : 0;
  const allThere = async () => (await first.jobs()) >= jobs && (await deferredBy(first)) >= goal;
  await watch.during("trying the rest", first, () =>
    waitFor("every job has been tried", allThere, { limitMs: 300_000 + jobs * 2, everyMs: 1_000 }),
  );
  const triedSeconds = (performance.now() - began) / 1_000;
  progress(`all that have an answer were tried after ${triedSeconds.toFixed(0)} s`);
  await delay(SETTLE_MS);
  await watch.weigh("all tried", first);

  probe.begin("all stuck");
  await watch.during("all stuck", first, () => delay(CALM_MS));
  const scrapeMs = await timeToTell(first);

  // What is on its way just now belongs to neither.
  probe.begin("before the end");
  await probe.settled();
  probe.begin("the owner dies");
  const { takeover, successor } = await die(first, cell, world, jobs);
  progress(`taken over: ${JSON.stringify(takeover)}`);
  probe.begin("after the takeover");
  await delay(SETTLE_MS);
  await watch.weigh("after the takeover", successor);

  const due = began + wait * 1_000 * (1 - JITTER);
  probe.begin("until the first are due");
  await delay(Math.max(0, due - performance.now()));
  probe.begin("all come due");
  await watch.during("all come due", successor, () => delay(storm * 1_000));
  await watch.weigh("at the end", successor);
  probe.begin("afterwards");
  await probe.settled();
  const phases = probe.reports().filter(({ name }) => !unasked.has(name));
  const restarting = performance.now();
  await cell.nats.kill9();
  await cell.nats.restart();
  const natsRestart = (performance.now() - restarting) / 1_000;
  const { weights, work } = watch;
  return {
    jobs,
    destinations,
    silent,
    rate,
    sent,
    triedSeconds,
    weights,
    takeover,
    work,
    phases,
    scrapeMs,
    natsRestart,
  };
}

async function takeIn(cell: Cell, options: ScaleOptions): Promise<Taken> {
  const { jobs, by, destinations, recipients, wait } = options;
  const common = { destinations, octets: OCTETS };
  if (by === "store") return { by, seconds: await fillStore(cell.nats, { ...common, jobs, wait }) };
  const port = cell.gateway.port("smtp");
  const messages = Math.ceil(jobs / recipients);
  const load = { ...common, port, messages, recipients, sessions: SESSIONS, zone: "stuck.example" };
  return { by, ...(await sendLoad(load)) };
}

const unasked = new Set(["before the end", "after the takeover", "until the first are due", "afterwards"]);

async function timeToTell(relay: Fleet): Promise<number> {
  const began = performance.now();
  await relay.jobs();
  return performance.now() - began;
}

async function die(
  owner: Fleet,
  cell: Cell,
  world: World,
  jobs: number,
): Promise<{ readonly takeover: Takeover; readonly successor: Fleet }> {
  owner.signal("SIGKILL");
  const killed = sharedNow();
  const since = () => (sharedNow() - killed) / 1_000;
  await owner.exited;
  const contact = world.touched();
  const successor = await cell.relay();
  const ready = since();
  const limitMs = 180_000;
  let knowsAll = 0;
  const known = waitFor("the successor knows every job", async () => (await successor.jobs()) >= jobs, {
    limitMs,
  });
  const [touchedAt] = await Promise.all([
    contact,
    known.then(() => {
      knowsAll = since();
    }),
  ]);
  return { successor, takeover: { ready, firstAttempt: (touchedAt - killed) / 1_000, knowsAll } };
}
