/**
 * The throughput results as tables for people.
 */
import { describeMachine } from "../kit/machine.ts";
import { isBalanced } from "../kit/source.ts";
import { type Summary, summarise } from "../kit/stats.ts";
import { table } from "../kit/table.ts";
import { total } from "./measure.ts";
import type { Kind, Result, ThroughputReport } from "./throughput.ts";

const ours = "postfleet";
const FEW = 3;
const whole = (value: number) => value.toFixed(0);
const spread = ({ median, least, most }: Summary) => `${whole(median)} (${whole(least)}–${whole(most)})`;

export const rateOf = ({ messages, seconds }: Result): number => messages / seconds;
const cpuPerThousand = ({ cpu, messages }: Result): number => (total(cpu) / messages) * 1_000;

export function throughputText(report: ThroughputReport): string {
  const names = Object.keys(report.servers);
  const parts = [
    `${describeMachine(report.machine)}; ${names.map((name) => `${name} ${report.servers[name]}`).join(", ")}; ` +
      `${report.sessions} sessions`,
  ];
  for (const kind of kindsIn(report.results)) parts.push(section(kind, report.results, names));
  const sent = report.results.reduce((sum, { messages }) => sum + messages, 0);
  parts.push(
    report.balanced
      ? `All ${sent} messages came to the sink exactly once.`
      : `VOID: not every message came exactly once.\n${faults(report.results)}`,
  );
  return parts.join("\n\n");
}

function kindsIn(results: readonly Result[]): Kind[] {
  const kinds = new Map(results.map(({ size, kept }) => [`${size} ${kept}`, { size, kept }]));
  return [...kinds.values()];
}

function section({ size, kept }: Kind, results: readonly Result[], names: readonly string[]): string {
  const of = (name: string) => results.filter((r) => r.server === name && r.size === size && r.kept === kept);
  const rates = new Map(names.map((name) => [name, summarise(of(name).map(rateOf))]));
  const mine = rates.get(ours)?.median;
  const rows = names.map((name) => {
    const runs = of(name);
    const rate = rates.get(name) as Summary;
    return [
      name,
      spread(rate),
      mine === undefined || name === ours ? "" : `${(mine / rate.median).toFixed(2)} ×`,
      whole(summarise(runs.map((r) => r.messages / r.acceptSeconds)).median),
      summarise(runs.map(cpuPerThousand)).median.toFixed(2),
      programs(runs),
    ];
  });
  const title = `${size} octets, ${kept ? "connections kept" : "a connection per message"}`;
  const head = [
    "",
    "end to end, messages/s",
    "Postfleet is",
    "accepted/s",
    "processor s per 1,000",
    "of which",
  ];
  return `${title}\n\n${table(head, rows)}`;
}

/** Processor seconds per 1,000 messages by program, for servers that have only a few. */
function programs(runs: readonly Result[]): string {
  const names = [...new Set(runs.flatMap(({ cpu }) => Object.keys(cpu)))];
  const shares = names.map((name) => {
    const each = runs.map(({ cpu, messages }) => ((cpu[name] ?? 0) / messages) * 1_000);
    return [name, summarise(each).median] as const;
  });
  const worth = shares.filter(([, seconds]) => seconds >= 0.005);
  if (worth.length > FEW) return `${worth.length} programs`;
  return worth.map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`).join(", ");
}

const faults = (results: readonly Result[]) =>
  results
    .filter(({ balance }) => !isBalanced(balance))
    .map(({ server, size, kept, round, balance: { missing, repeated, strange } }) => {
      const load = `${size} octets, ${kept ? "kept" : "a connection each"}, round ${round + 1}`;
      const some = [...missing, ...repeated, ...strange].slice(0, 5).join(", ");
      return `  ${server}, ${load}: ${missing.length} missing, ${repeated.length} twice, ${strange.length} strange (${some})`;
    })
    .join("\n");
