/**
 * The benchmarks: `node test/bench/run.ts [throughput|latency|mailboxes|memory|profile …]`, or `make bench`.
 *
 * Out:    tables on standard output, progress on standard error; with --json also a file for machines.
 * Exits:  0 when everything was measured; 1 when a message was lost, came twice or could not be sent, so that the
 *         figures are void; 2 when the options make no sense. A figure that disappoints is no failure.
 */
import { writeFile } from "node:fs/promises";
import { type BenchOptions, help, parseOptions } from "./options.ts";

interface Finding {
  readonly text: string;
  readonly valid: boolean;
  readonly report: unknown;
}

const progress = (line: string) => void process.stderr.write(`${line}\n`);

const scenarios: Readonly<Record<string, (options: BenchOptions) => Promise<Finding>>> = {
  async throughput(options) {
    const { throughput } = await import("./throughput/throughput.ts");
    const { throughputText } = await import("./throughput/report.ts");
    const report = await throughput(options, progress);
    return { text: throughputText(report), valid: report.balanced, report };
  },
  async latency(options) {
    const { latency } = await import("./latency/latency.ts");
    const { latencyText } = await import("./latency/report.ts");
    const report = await latency(options, progress);
    return { text: latencyText(report), valid: report.balanced, report };
  },
  async mailboxes(options) {
    const { mailboxes } = await import("./mailboxes/mailboxes.ts");
    const { mailboxesText } = await import("./mailboxes/report.ts");
    const report = await mailboxes(options, progress);
    return { text: mailboxesText(report), valid: true, report };
  },
  async memory(options) {
    const { memory, memoryIsValid, memoryText } = await import("./memory/memory.ts");
    const report = await memory(options, progress);
    return { text: memoryText(report), valid: memoryIsValid(report), report };
  },
  async profile(options) {
    const { profile, profileText } = await import("./profile/profile.ts");
    const report = await profile(options);
    return { text: profileText(report), valid: report.balanced, report };
  },
};

async function main(): Promise<number> {
  let chosen: readonly BenchOptions[] | "help";
  try {
    chosen = parseOptions(process.argv.slice(2), process.env);
    if (chosen === "help") {
      process.stdout.write(help);
      return 0;
    }
    for (const { scenario } of chosen)
      if (!Object.hasOwn(scenarios, scenario)) throw new RangeError(`there is no scenario ${scenario}`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
  const reports: Record<string, unknown> = {};
  let valid = true;
  for (const options of chosen) {
    const finding = await scenarios[options.scenario]?.(options);
    if (finding === undefined) continue;
    process.stdout.write(`\n${finding.text}\n`);
    reports[options.scenario] = finding.report;
    valid &&= finding.valid;
  }
  const file = chosen[0]?.json;
  if (file !== undefined) await writeFile(file, `${JSON.stringify(reports, undefined, 2)}\n`);
  return valid ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`the run is void: ${(error as Error).stack}\n`);
  process.exitCode = 1;
}
