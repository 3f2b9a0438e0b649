/**
 * Builds the console's pages, `console/dist`, from `console/src`: what browsers get, the same from the same sources.
 *
 * `--check`: builds elsewhere and compares; status 1 when `console/dist` is not what the sources make.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "../console");
const dist = join(root, "dist");

async function buildInto(outDir: string): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      modulePreload: false,
      assetsInlineLimit: 0,
      target: "es2022",
      reportCompressedSize: false,
    },
  });
}

async function filesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    files.set(file.slice(folder.length), await readFile(file, "latin1"));
  }
  return files;
}

async function isCurrent(): Promise<boolean> {
  const fresh = await mkdtemp(join(tmpdir(), "postfleet-console-"));
  try {
    await buildInto(fresh);
    const [wanted, found] = await Promise.all([filesIn(fresh), filesIn(dist)]);
    return wanted.size === found.size && [...wanted].every(([name, text]) => found.get(name) === text);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (!process.argv.includes("--check")) await buildInto(dist);
else if (!(await isCurrent())) {
  console.error("console/dist is not current: run make generate");
  process.exitCode = 1;
}
