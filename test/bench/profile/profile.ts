/**
 * Where the daemon's processor time goes while it relays: a load over kept connections under V8's sampling profiler.
 *
 * Out:    self time per 1,000 messages, by area and by function; the profile itself, for a viewer, in the state folder.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../kit/ports.ts";
import { startSink } from "../kit/sink.ts";
import { isBalanced } from "../kit/source.ts";
import { table } from "../kit/table.ts";
import type { BenchOptions } from "../options.ts";
import { startPostfleetServer } from "../servers/postfleet.ts";
import { measure } from "../throughput/measure.ts";
import { type Breakdown, breakDown, type CpuProfile } from "./areas.ts";

export interface ProfileReport extends Breakdown {
  readonly file: string;
  readonly messages: number;
  readonly balanced: boolean;
}

export async function profile(options: BenchOptions): Promise<ProfileReport> {
  const { state, sessions, messages, sizes } = options;
  const folder = join(state, "profiles");
  await rm(folder, { recursive: true, force: true });
  await using sink = await startSink(await freePort());
  const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  const load = { messages, size: sizes[0] ?? 5_000, sessions, kept: true, tag: "p" };
  let balanced: boolean;
  {
    await using server = await startPostfleetServer({ sinkPort: sink.port, state, env });
    const { balance } = await measure(server, sink, load);
    balanced = isBalanced(balance);
  }
  const file = await largest(folder);
  return { file, messages, balanced, ...breakDown(JSON.parse(await readFile(file, "utf8")) as CpuProfile) };
}

/** Each process writes its own; the daemon's is the one with the most to tell. */
async function largest(folder: string): Promise<string> {
  const files = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      return { path, size: (await stat(path)).size };
    }),
  );
  const [first] = files.sort((a, b) => b.size - a.size);
  if (first === undefined) throw new Error(`no profile was written to ${folder}`);
  return first.path;
}

const TOP = 45;

export function profileText({ file, messages, busy, areas, functions }: ProfileReport): string {
  const per = (ms: number) => (ms / messages).toFixed(3);
  const rows = (shares: Breakdown["areas"]) =>
    shares.map(({ name, self }) => [name, per(self), `${((self / busy) * 100).toFixed(1)} %`]);
  const worth = areas.filter(({ self }) => self / busy > 0.003);
  return [
    `The daemon was busy for ${per(busy)} ms a message (${messages} messages). Profile: ${file}`,
    table(["area", "self, ms a message", "share"], rows(worth)),
    table(["function", "self, ms a message", "share"], rows(functions.slice(0, TOP))),
  ].join("\n\n");
}
