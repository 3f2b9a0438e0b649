/**
 * What processes cost, read from /proc (Linux).
 *
 * In:     the id of a process that was started by us.
 * Out:    processor time of it and everything below it, by program; its resident memory.
 * Counts: children that have ended count with their parent once it has waited for them, so that servers of many short
 *         processes (Postfix) are charged in full. The kernel's clock has ticks of 10 ms.
 */
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly program: string;
  /** Seconds of its own. */
  readonly own: number;
  /** Seconds of children that ended and were waited for. */
  readonly reaped: number;
}

/** `/proc/<pid>/stat`; the program's name stands in brackets and may hold anything. proc_pid_stat(5) */
export function parseStat(line: string): ProcessStat {
  const open = line.indexOf("(");
  const close = line.lastIndexOf(")");
  const fields = line.slice(close + 2).split(" ");
  const ticks = (index: number) => Number(fields[index]) / TICKS_PER_SECOND;
  return {
    pid: Number(line.slice(0, open)),
    parent: Number(fields[1]),
    program: line.slice(open + 1, close),
    own: ticks(11) + ticks(12),
    reaped: ticks(13) + ticks(14),
  };
}

/** The process and all its descendants. */
export function familyOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const family = all.filter(({ pid }) => pid === root);
  const known = new Set([root]);
  for (let found = true; found; ) {
    found = false;
    for (const each of all) {
      if (known.has(each.pid) || !known.has(each.parent)) continue;
      known.add(each.pid);
      family.push(each);
      found = true;
    }
  }
  return family;
}

export function everyProcess(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, "latin1"))];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** Node names its main thread. */
const programOf = ({ program }: ProcessStat) => (program === "MainThread" ? "node" : program);

/** Seconds of processor time so far, by program, of the process and everything below it. */
export function cpuOf(root: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const each of familyOf(root, everyProcess())) {
    const name = programOf(each);
    times.set(name, (times.get(name) ?? 0) + each.own + each.reaped);
  }
  return times;
}

/** Seconds between two readings, by program; a program that was not there before counts in full. */
export function cpuBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const spent = new Map<string, number>();
  for (const [name, seconds] of after) spent.set(name, Math.max(0, seconds - (before.get(name) ?? 0)));
  return spent;
}

/** The children of a process that run this program. */
export const childrenOf = (root: number, program: string): number[] =>
  familyOf(root, everyProcess())
    .filter((each) => each.pid !== root && each.program === program)
    .map(({ pid }) => pid);

/** Octets of resident memory: now, and the most there was. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, "latin1");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) * 1_024;
  return { now: kib("VmRSS"), peak: kib("VmHWM") };
}
