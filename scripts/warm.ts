/**
 * Fills Node's compile cache (NODE_COMPILE_CACHE) with every module of the daemon, so that no daemon has to load the
 * compiler that strips types, which would stay in its memory.
 *
 * Modules are imported, not run: `daemon/main.ts` starts things and is therefore asked for its version instead.
 *
 * In:    more folders of ours to compile, as arguments: an image that also serves as operator names `operator`.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const folders = ["daemon", "crds", ...process.argv.slice(2)];

for (const file of folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))) {
  if (file.endsWith(".test.ts") || file.endsWith("/main.ts")) continue;
  // What cannot be loaded here is reported where it is used.
  await import(join(root, file)).catch(() => {});
}
spawnSync(process.execPath, [...process.execArgv, join(root, "daemon/main.ts"), "--version"], {
  stdio: "ignore",
});
