/**
 * Who took the processors: the operator shares them with the API server, etcd, NATS and the bench itself, which plays
 * daemons, DNS and an observer.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cluster, OperatorProcess } from "../../harness/operator.ts";
import { parseStat } from "../kit/processes.ts";

/** Seconds of processor time by name. */
export type Share = ReadonlyMap<string, number>;

export async function shareOf(cluster: Cluster, operator: OperatorProcess | undefined): Promise<Share> {
  const pidOf = async (program: string) =>
    Number((await readFile(join(cluster.api.folder, "pid", program), "utf8")).split(" ")[0]);
  const pids = new Map([
    ["API server", await pidOf("kube-apiserver")],
    ["etcd", await pidOf("etcd")],
    ["NATS", cluster.nats.pid],
    ["bench", process.pid],
  ]);
  if (operator) pids.set("operator", operator.pid);
  const each = [...pids].map(async ([name, pid]) => {
    const { own } = parseStat(await readFile(`/proc/${pid}/stat`, "latin1"));
    return [name, own] as const;
  });
  return new Map(await Promise.all(each));
}

/** `API server 12.3 s, …`, the greatest first. */
export function shareText(before: Share, after: Share): string {
  const spent = [...after].map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)] as const);
  return spent
    .sort(([, a], [, b]) => b - a)
    .map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`)
    .join(", ");
}
