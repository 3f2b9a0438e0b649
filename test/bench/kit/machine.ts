/**
 * What a figure depends on: the machine, its disk, and the versions of what was measured.
 */
import { execFile } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { findServer } from "../../../daemon/nats/server/find.ts";
import { median } from "./stats.ts";

const SAMPLES = 50;

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryOctets: number;
  readonly kernel: string;
  readonly fileSystem: string;
  /** ms for 5 kB to be on the disk, median. */
  readonly fsyncMs: number;
  /** What the machine was busy with before. */
  readonly load: number;
  readonly node: string;
  readonly natsServer: string;
}

export async function machineOf(state: string): Promise<Machine> {
  const [first] = cpus();
  await mkdir(state, { recursive: true });
  const [load = 0] = loadavg();
  const { version } = await findServer({ env: process.env, progress: (line) => console.error(line) });
  return {
    processor: first?.model ?? arch(),
    cores: cpus().length,
    memoryOctets: totalmem(),
    kernel: release(),
    fileSystem: await fileSystemOf(state),
    fsyncMs: await fsyncTime(join(state, "fsync-probe")),
    load,
    node: process.versions.node,
    natsServer: version,
  };
}

async function fileSystemOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)("df", ["--output=fstype", path]);
  return stdout.trim().split("\n").at(-1) ?? "";
}

async function fsyncTime(file: string): Promise<number> {
  const data = Buffer.alloc(5_000, "x");
  const times: number[] = [];
  const handle = await open(file, "a");
  try {
    for (let i = 0; i < SAMPLES; i++) {
      const began = performance.now();
      await handle.write(data);
      await handle.sync();
      times.push(performance.now() - began);
    }
  } finally {
    await handle.close();
    await rm(file);
  }
  return median(times);
}

export const describeMachine = (m: Machine): string =>
  `${m.cores} × ${m.processor}, ${(m.memoryOctets / 2 ** 30).toFixed(0)} GiB, Linux ${m.kernel}, ${m.fileSystem}, ` +
  `write and fsync of 5 kB ${m.fsyncMs.toFixed(2)} ms, load before ${m.load.toFixed(1)}; ` +
  `Node ${m.node}, nats-server ${m.natsServer}`;
