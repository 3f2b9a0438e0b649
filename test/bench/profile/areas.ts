/**
 * Where processor time goes, from a V8 CPU profile: self time by area of the source, and the functions that lead.
 *
 * Spec:   Chrome DevTools Protocol, Profiler.Profile: samples of node ids, with the µs since the sample before.
 */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

export interface Share {
  readonly name: string;
  /** ms */
  readonly self: number;
}

/** What V8 counts as a function though it is none. `(program)` is native code, most of it system calls. */
const idle = "(idle)";

/** The folder of ours, the package, or the part of Node that a function belongs to. */
function areaOf({ functionName, url }: CallFrame): string {
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "native code and system calls";
  const ours = /\/(daemon\/(?:[^/]+\/)?)(?:[^/]+\/)*[^/]+\.ts$/.exec(url)?.[1];
  if (ours !== undefined && !url.includes("/node_modules/")) return ours.replace(/\/$/, "");
  const named = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (named !== undefined) return named;
  if (url.startsWith("node:internal/")) return `node:${url.split("/")[1]}`;
  return url === "" ? "built in" : url;
}

const whereOf = ({ functionName, url, lineNumber }: CallFrame): string => {
  const file = url.replace(/^.*\/(?=daemon\/|node_modules\/)/, "").replace("node_modules/", "");
  return `${functionName || "(anonymous)"} ${file}${url === "" ? "" : `:${lineNumber + 1}`}`.trim();
};

export interface Breakdown {
  /** ms of the process at work. */
  readonly busy: number;
  readonly areas: readonly Share[];
  readonly functions: readonly Share[];
}

export function breakDown(profile: CpuProfile): Breakdown {
  const selfTimes = new Map<number, number>();
  for (const [i, id] of (profile.samples ?? []).entries())
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + (profile.timeDeltas?.[i] ?? 0) / 1_000);
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const { id, callFrame } of profile.nodes) {
    const self = selfTimes.get(id) ?? 0;
    if (self === 0 || callFrame.functionName === idle) continue;
    busy += self;
    add(areas, areaOf(callFrame), self);
    add(functions, whereOf(callFrame), self);
  }
  return { busy, areas: sorted(areas), functions: sorted(functions) };
}

const add = (sums: Map<string, number>, name: string, value: number) =>
  sums.set(name, (sums.get(name) ?? 0) + value);

const sorted = (sums: ReadonlyMap<string, number>): Share[] =>
  [...sums].map(([name, self]) => ({ name, self })).sort((a, b) => b.self - a.self);
