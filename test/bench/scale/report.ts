/**
 * What `make scale` found, as tables for people.
 */
import { megabytes, table } from "../kit/table.ts";
import type { BacklogReport } from "./backlog.ts";
import type { IdleReport } from "./connections.ts";
import type { RelayRun } from "./relays.ts";
import { msText, spreadText } from "./spread.ts";

/** With fewer the rest of the process hides them. */
const MANY = 1_000;

const seconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} s`;
const whole = (value: number): string => value.toFixed(0);
const share = (value: number): string => `${(value * 100).toFixed(1)} %`;
const each = (octets: number, count: number): string => `${((octets / count) * 1e-3).toFixed(1)} kB`;

export function backlogText(report: BacklogReport): string {
  const { jobs, destinations, silent, sent, takeover, rate } = report;
  return [
    `${jobs} jobs for ${destinations} domains; ${silent} of them are for domains that say nothing. ` +
      `${rate} messages a second for a healthy site meanwhile.`,
    `${how[sent.by]} in ${seconds(sent.seconds)} (${whole(jobs / sent.seconds)} jobs/s), ${told[sent.by]} after ` +
      `${seconds(report.triedSeconds)}.`,
    phasesTable(report),
    weightsTable(report),
    workTable(report),
    `The owner was killed: its successor listened after ${seconds(takeover.ready)}, made its first contact after ` +
      `${seconds(takeover.firstAttempt)} and knew all jobs after ${seconds(takeover.knowsAll)}.`,
    `A relay with all jobs told its figures in ${msText(report.scrapeMs)}. nats-server started after kill -9 in ` +
      `${seconds(report.natsRestart)}.`,
  ].join("\n\n");
}

const how = { smtp: "Accepted by SMTP", store: "Put into the store" } as const;
const told = { smtp: "all that get an answer tried", store: "known to the relay" } as const;

function phasesTable({ phases }: BacklogReport): string {
  const head = [
    "while",
    "messages",
    "250: median",
    "99 %",
    "most",
    "delay: median",
    "99 %",
    "most",
    "refused, not come",
  ];
  const rows = phases.map(({ name, accept, delay, refused, late }) => [
    name,
    whole(accept.count),
    ...spreadText(accept),
    ...spreadText(delay),
    `${refused}, ${late}`,
  ]);
  return `Mail for a healthy site: from the final dot to the 250, and until it was whole there\n\n${table(head, rows)}`;
}

function weightsTable({ weights }: BacklogReport): string {
  const [empty] = weights;
  const rows = weights.map(({ when, jobs, relay, relayHeap, gateway, nats, store }) => [
    when,
    whole(jobs),
    megabytes(relay),
    megabytes(relayHeap),
    added(relay, empty?.relay, jobs),
    megabytes(gateway),
    megabytes(nats),
    added(nats, empty?.nats, jobs),
    megabytes(store),
  ]);
  const head = [
    "memory",
    "jobs",
    "relay",
    "its heap",
    "a job more",
    "gateway",
    "nats-server",
    "a job more",
    "its store",
  ];
  return table(head, rows);
}

const added = (octets: number, empty: number | undefined, jobs: number): string =>
  empty === undefined || jobs < MANY ? "" : `${whole((octets - empty) / jobs)} octets`;

function workTable({ work }: BacklogReport): string {
  const rows = work.map(({ name, seconds: time, attempts, gateway, relay, nats }) => [
    name,
    seconds(time),
    whole(attempts / time),
    share(gateway / time),
    share(relay / time),
    share(nats / time),
  ]);
  return table(["share of one processor", "for", "put off/s", "gateway", "relay", "nats-server"], rows);
}

export function relaysText(runs: readonly RelayRun[]): string {
  const ms = (value: number) => value.toFixed(2);
  const rows = runs.map((run) => [
    whole(run.relays),
    `${whole(run.messages / run.seconds)}/s`,
    msText(run.acceptP99),
    ms(run.gateway),
    run.relay.map(ms).join(" + "),
    ms(run.nats),
    ms(run.others),
    ms(run.gateway + run.nats + run.others + run.relay.reduce((sum, one) => sum + one, 0)),
  ]);
  const head = [
    "relays",
    "messages",
    "250, 99 %",
    "gateway",
    "relays",
    "nats-server",
    "source and sink",
    "all",
  ];
  return `Processor ms a message, by process\n\n${table(head, rows)}`;
}

export function connectionsText(reports: readonly IdleReport[]): string {
  const rows = reports.map((report) => [
    `${report.connections} × ${report.protocol}`,
    seconds(report.seconds),
    each(report.after - report.before, report.connections),
    megabytes(report.after),
    `${share(report.idleBefore)} → ${share(report.idleAfter)}`,
    `${msText(report.alone.p50)} → ${msText(report.beside.p50)}`,
    `${msText(report.alone.p99)} → ${msText(report.beside.p99)}`,
  ]);
  const head = ["idle", "opened in", "memory each", "daemon", "of a processor", "another waits", "99 %"];
  return table(head, rows);
}
