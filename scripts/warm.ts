/**
 * Fills Node's compile cache (NODE_COMPILE_CACHE) with every module of the daemon, so that no daemon has to load the
 * compiler that strips types, which would stay in its memory.
 *
 * Modules are imported, not run. What starts things is asked for help instead.
 *
 * In:    more folders of ours to compile, as arguments: an image that also serves as operator names `operator`.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const files = ["daemon", "crds", ...process.argv.slice(2)]
  .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
  .filter((file) => !file.endsWith(".test.ts"));
const starts = (file: string) => file.endsWith("/main.ts") || file.startsWith("operator/cli/");

for (const file of files.filter((each) => !starts(each))) {
  // What cannot be loaded here is reported where it is used.
  await import(join(root, file)).catch(() => {});
}
for (const file of files.filter(starts))
  spawnSync(process.execPath, [...process.execArgv, join(root, file), "--help"], { stdio: "ignore" });
