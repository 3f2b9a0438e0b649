/**
 * A Python that has certain modules: the one on the PATH, or the system's own, for which Debian has packages; with what
 * `scripts/mail-programs` put into the cache.
 *
 * Use:    `const python = pythonWith("dkim", "nacl"); test("…", { skip: python.skip }, () => run(python.program, …))`
 */
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
const folder = join(cache, "postfleet", "python");

export interface Python {
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly skip: string | false;
}

export function pythonWith(...modules: readonly string[]): Python {
  const env = { ...process.env, PYTHONPATH: folder };
  const has = (program: string) =>
    spawnSync(program, ["-c", `import ${modules.join(", ")}`], { stdio: "ignore", env }).status === 0;
  const program = ["python3", "/usr/bin/python3"].find(has);
  const skip = program === undefined && `Python's ${modules.join(" and ")} not installed`;
  return { program: program ?? "python3", env, skip };
}
