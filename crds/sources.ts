/**
 * Collects the resource files that paths name.
 *
 * In:     files and folders. Of a folder, `*.yaml`, `*.yml` and `*.json` directly in it (symbolic links followed, hidden
 *         files passed over, so that a mounted ConfigMap or Secret works); sorted by name.
 * Out:    their texts.
 * Fails:  a path that cannot be read, or a folder without such files, is a problem.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Source } from "./documents.ts";
import type { Problem } from "./problem.ts";

export interface Sources {
  readonly sources: readonly Source[];
  readonly problems: readonly Problem[];
}

const isResourceFile = (name: string) => /^[^.].*\.(?:ya?ml|json)$/i.test(name);

export async function readSources(paths: readonly string[]): Promise<Sources> {
  const sources = new Map<string, Source>();
  const problems: Problem[] = [];
  for (const path of paths) {
    try {
      const files = await filesOf(path);
      if (files.length === 0)
        problems.push(problem(path, "this folder holds no .yaml, .yml or .json file; name another one"));
      for (const file of files) sources.set(file, { file, text: await readFile(file, "utf8") });
    } catch (error) {
      problems.push(problem(path, `cannot be read: ${reasonOf(error)}`));
    }
  }
  return { sources: [...sources.values()], problems };
}

/** The files that a path stands for. */
export async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(isResourceFile).sort();
  const files = names.map((name) => join(path, name));
  const kinds = await Promise.all(files.map((file) => stat(file)));
  return files.filter((_, i) => kinds[i]?.isFile());
}

const problem = (file: string, message: string): Problem => ({ file, line: 1, field: "", message });

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file or folder; correct the path";
  if (code === "EACCES" || code === "EPERM") return "permission denied; make it readable for this user";
  return message;
}
