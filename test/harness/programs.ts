/**
 * Programs of others, when they are installed.
 *
 * Use:    `test("…", needs("swaks"), async () => { await run("swaks", …); })`: skipped, with the reason, where it is missing.
 */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

export const run = promisify(execFile);

/** Where it is, or `undefined`; daemons live in /usr/sbin, which not everybody's PATH has. */
export function find(program: string, also: readonly string[] = []): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", ...also];
  for (const folder of folders.filter(Boolean)) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // the next folder
    }
  }
  return undefined;
}

export function needs(...programs: readonly string[]): { readonly skip: string | false } {
  const missing = programs.filter((program) => find(program) === undefined);
  return { skip: missing.length > 0 && `${missing.join(", ")} not installed` };
}
