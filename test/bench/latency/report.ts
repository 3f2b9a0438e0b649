/**
 * The times of 250s as a table for people: of each server and rate the median of the rounds.
 */
import { describeMachine } from "../kit/machine.ts";
import { median } from "../kit/stats.ts";
import { table } from "../kit/table.ts";
import type { LatencyReport, PaceResult } from "./latency.ts";

const ms = (values: readonly number[]) => median(values).toFixed(1);

export function latencyText({ machine, size, most, results, balanced }: LatencyReport): string {
  const kinds = [...new Set(results.map(({ rate, server }) => `${rate} ${server}`))];
  const rows = kinds.map((kind) => {
    const runs = results.filter(({ rate, server }) => `${rate} ${server}` === kind);
    const { rate, server } = runs[0] as PaceResult;
    const share = ((100 * rate) / (most[server] ?? Number.NaN)).toFixed(0);
    const of = (pick: (run: PaceResult) => number) => ms(runs.map(pick));
    return [
      `${rate}/s`,
      server,
      `${share} %`,
      of(({ accept }) => accept.p50),
      of(({ accept }) => accept.p99),
      of(({ accept }) => accept.p999),
      of(({ accept }) => accept.most),
      of(({ late }) => late.p99),
    ];
  });
  const head = ["rate", "", "of its most", "p50", "p99", "p99.9", "longest", "begun late, p99"];
  return [
    `${describeMachine(machine)}; ms from the final dot to the 250, messages of ${size} octets, an open load`,
    table(head, rows),
    balanced ? "All messages came to the sink exactly once." : "VOID: not every message came exactly once.",
  ].join("\n\n");
}
