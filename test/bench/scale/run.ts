/**
 * `make scale`: a million deferred jobs, several relays, ten thousand idle connections.
 *
 * Out:    tables on standard output, progress on standard error; with --json also a file for machines.
 * Exits:  0 when everything was measured; 1 when something did not come to pass within its time; 2 when the options make no
 *         sense. A figure that disappoints is no failure.
 */
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { describeMachine, machineOf } from "../kit/machine.ts";
import { help, parseOptions, type ScaleOptions, type Scenario } from "./options.ts";

interface Finding {
  readonly text: string;
  readonly report: unknown;
}

const progress = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);

const scenarios: Readonly<Record<Scenario, (options: ScaleOptions) => Promise<Finding>>> = {
  async backlog(options) {
    const { backlog } = await import("./backlog.ts");
    const { backlogText } = await import("./report.ts");
    const report = await backlog(options, progress);
    return { text: backlogText(report), report };
  },
  async relays(options) {
    const { relays } = await import("./relays.ts");
    const { relaysText } = await import("./report.ts");
    const report = await relays(options, progress);
    return { text: relaysText(report), report };
  },
  async connections(options) {
    const { connections } = await import("./connections.ts");
    const { connectionsText } = await import("./report.ts");
    const report = await connections(options, progress);
    return { text: connectionsText(report), report };
  },
};

const load = (): string =>
  loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");

async function main(): Promise<number> {
  let options: ScaleOptions | "help";
  try {
    options = parseOptions(process.argv.slice(2), process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  const machine = await machineOf(options.state);
  process.stdout.write(`${describeMachine(machine)}\n`);
  const reports: Record<string, unknown> = { machine };
  for (const name of options.only) {
    const before = load();
    const { text, report } = await scenarios[name](options);
    process.stdout.write(
      `\n## ${name}\n\nLoad before ${before}, after ${load()} (its own included).\n\n${text}\n`,
    );
    reports[name] = report;
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the run is void: ${(error as Error).stack}\n`);
  process.exitCode = 1;
}
