/**
 * Writes docs/metrics.md: every figure that daemon and operator export, from the registries themselves.
 *
 * In:     the registries; `--check`: only compare.
 * Fails:  with `--check`, status 1 when the file is not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Registry } from "prom-client";
import { openMetrics } from "../daemon/run/metrics.ts";
import { openOperatorMetrics } from "../operator/metrics.ts";

const path = join(import.meta.dirname, "../docs/metrics.md");

interface Figure {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

async function figuresOf(registry: Registry): Promise<readonly Figure[]> {
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
  return registry.getMetricsAsArray().map((metric) => {
    const { name, help, labelNames = [] } = metric as unknown as Figure & { labelNames?: readonly string[] };
    return { name, help, labels: labelNames, type: types.get(name) ?? "" };
  });
}

const isOurs = ({ name }: Figure): boolean => name.startsWith("postfleet_");
const byName = (a: Figure, b: Figure): number => (a.name < b.name ? -1 : 1);

const row = ({ name, type, labels, help }: Figure): string =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help.replaceAll("|", "\\|")} |`;

const table = (figures: readonly Figure[]): string =>
  ["| figure | type | labels | meaning |", "|---|---|---|---|", ...figures.toSorted(byName).map(row)].join(
    "\n",
  );

const daemon = await figuresOf((await openMetrics()).registry);
const operating = openOperatorMetrics();
operating.leader(() => false);
operating.policies(() => []);
operating.traffic(() => ({ connections: 0, requests: 0 }));
const operator = await figuresOf(operating.registry);

const text = `# Metrics

<!-- Written by \`make generate\` from the registries; \`make verify\` shows that it is current. -->

Every daemon serves these at \`/metrics\` of its listener \`health\`, the operator at its own, for Prometheus, as OpenMetrics where it is asked for that. What a label can hold is bounded:
people and addresses are never labels, and of domains only the largest destinations of the queue are (\`postfleet_queue_destination_jobs\`). Dashboards and alerts of the chart are made of
these; a test shows that they ask for nothing else.

## Daemon

${table(daemon.filter(isOurs))}

## Operator

${table(operator.filter(isOurs))}

## Both: of the process and of Node

Processor time, memory, open files, event-loop delay and garbage collection, as prom-client defines them.

${table(daemon.filter((figure) => !isOurs(figure)))}
`;

if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (readFileSync(path, "utf8") !== text) {
  console.error(`${path} is not current: run make generate`);
  process.exitCode = 1;
}
