/**
 * `kubectl postfleet` as people run it: kubectl finds the program on PATH.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../harness/source.ts";
import { kubectl } from "./kube.ts";
import { environment, ToolFailed, tool } from "./tools.ts";

const env = { PATH: `${join(root, "bin")}:${environment["PATH"]}` };

export interface Said {
  readonly code: number | null;
  /** What it printed, complaints behind the rest. */
  readonly text: string;
}

export async function plugin(...args: readonly string[]): Promise<Said> {
  try {
    return { code: 0, text: await tool(["kubectl", "postfleet", ...args], { env }) };
  } catch (error) {
    if (!(error instanceof ToolFailed)) throw error;
    return { code: error.code, text: error.stdout + error.stderr };
  }
}

/** Files of a bundle that `report` made, by their paths in it. */
export async function reported(): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "pf-report-"));
  try {
    const said = await plugin("report", "--output", join(folder, "bundle.tar.gz"));
    if (said.code !== 0) throw new Error(said.text);
    await tool(["tar", "-xzf", join(folder, "bundle.tar.gz"), "-C", folder]);
    const bundle = join(folder, "bundle");
    const files = (await readdir(bundle, { recursive: true, withFileTypes: true })).filter((each) =>
      each.isFile(),
    );
    const read = files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(bundle.length + 1), await readFile(path, "utf8")] as const;
    });
    return new Map(await Promise.all(read));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Shorter texts are found in anything. */
const shortestValue = 8;
const shortestLine = 24;

/** What Secrets of the cluster hold, whole, line by line, and as the API writes it; by where it is from. */
export async function secretTexts(): Promise<ReadonlyMap<string, string>> {
  const { items } = JSON.parse(await kubectl("get", "secrets", "-A", "-o", "json")) as {
    items: { metadata: { namespace: string; name: string }; data?: Record<string, string> }[];
  };
  const texts = new Map<string, string>();
  for (const { metadata, data = {} } of items)
    for (const [key, encoded] of Object.entries(data)) {
      const where = `${metadata.namespace}/${metadata.name} ${key}`;
      const value = Buffer.from(encoded, "base64").toString("latin1").trim();
      if (value.length >= shortestValue) texts.set(encoded, where).set(value, where);
      for (const line of value.split("\n"))
        if (line.length >= shortestLine && !line.startsWith("-----")) texts.set(line.trim(), where);
    }
  return texts;
}
