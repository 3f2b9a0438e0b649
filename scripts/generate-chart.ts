/**
 * Brings into the chart what has its source elsewhere: the CRDs, and the version of package.json.
 *
 * In:     crds/*.yaml, package.json; `--check`: only compare.
 * Out:    charts/postfleet/files/crds/*.yaml, and version and appVersion in Chart.yaml.
 * Fails:  with `--check`, status 1 and one line for each file that is not current.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const chart = join(root, "charts/postfleet");
const read = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const wanted = new Map<string, string>();
for (const name of readdirSync(join(root, "crds")).filter((file) => file.endsWith(".yaml")))
  wanted.set(join(chart, "files/crds", name), readFileSync(join(root, "crds", name), "utf8"));
const about = join(chart, "Chart.yaml");
wanted.set(
  about,
  readFileSync(about, "utf8").replace(/^(version|appVersion): .*$/gm, (_, field) => `${field}: ${version}`),
);

const stale = [...wanted].filter(([path, text]) => read(path) !== text);
if (process.argv.includes("--check")) {
  for (const [path] of stale) console.error(`${path} is not current: run make generate`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else for (const [path, text] of stale) writeFileSync(path, text);
