/**
 * The repository's own source as data: which file imports which.
 *
 * In:   the folders to read. Out: `SourceFile`s with their imports, relative ones resolved to paths from the root.
 * Uses: a pattern instead of a parser; biome keeps imports in the one shape that it knows.
 */
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Import {
  /** A path from the root (`daemon/kit/log.ts`), or a package or `node:` module. */
  readonly to: string;
  /** Erased when run. */
  readonly typeOnly: boolean;
  /** `await import(…)`: deferred, so it neither starts anything nor closes a cycle. */
  readonly lazy: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

const statement = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"\n]+)"/gm;
const call = /\bimport\(\s*"([^"\n]+)"\s*\)/g;
const comment = /^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

export const withoutComments = (text: string): string => text.replace(comment, "");

/** A relative path as one from the root; anything else as it is. */
export const resolveImport = (path: string, to: string): string =>
  to.startsWith(".") ? posix.join(posix.dirname(path), to) : to;

export function importsOf(path: string, text: string): Import[] {
  const code = withoutComments(text);
  const resolve = (to: string) => resolveImport(path, to);
  return [
    ...Array.from(code.matchAll(statement), ([, type, to = ""]) => ({
      to: resolve(to),
      typeOnly: type !== undefined,
      lazy: false,
    })),
    ...Array.from(code.matchAll(call), ([, to = ""]) => ({ to: resolve(to), typeOnly: false, lazy: true })),
  ];
}

export function readSource(...folders: readonly string[]): SourceFile[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.{ts,tsx}`),
    { cwd: root },
  )
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !path.includes("node_modules/"))
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, lines: text.split("\n").length - 1, imports: importsOf(path, text) };
    });
}

/** The shortest way round, for each group of files that import each other in a circle. */
export function cycles(files: readonly SourceFile[]): string[][] {
  const edges = new Map(
    files.map(({ path, imports }) => [path, imports.filter(({ lazy }) => !lazy).map(({ to }) => to)]),
  );
  const found: string[][] = [];
  const seen = new Set<string>();
  for (const start of edges.keys()) {
    const way = wayBack(start, edges);
    if (way === undefined || way.some((path) => seen.has(path))) continue;
    for (const path of way) seen.add(path);
    found.push(way);
  }
  return found;
}

function wayBack(start: string, edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const from = new Map<string, string>();
  const queue = [start];
  for (const at of queue) {
    for (const to of edges.get(at) ?? []) {
      if (to === start) return unwind(at, from);
      if (from.has(to)) continue;
      from.set(to, at);
      queue.push(to);
    }
  }
  return undefined;
}

function unwind(end: string, from: ReadonlyMap<string, string>): string[] {
  const way: string[] = [];
  for (let at: string | undefined = end; at !== undefined; at = from.get(at)) way.unshift(at);
  return way;
}
