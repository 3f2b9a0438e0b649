/**
 * By the guide (docs/backup.md): everything is saved, the installation is lost with its volumes, and a new one is made of
 * what was saved; one mailbox is taken out.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../harness/source.ts";
import { commandsIn, follow } from "./guide.ts";
import { namespace, release } from "./installation.ts";
import { kubectl } from "./kube.ts";
import { chart, helm, tool } from "./tools.ts";

const script = (name: string) => join(root, "scripts", name);

export interface Saved extends AsyncDisposable {
  readonly folder: string;
  readonly streams: readonly string[];
}

export async function backUp(): Promise<Saved> {
  const folder = await mkdtemp(join(tmpdir(), "pf-backup-"));
  await tool([script("backup.sh"), namespace, release, folder]);
  return {
    folder,
    streams: await readdir(join(folder, "streams")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** As when the machines burn: nothing of the release namespace is left. */
export async function loseEverything(): Promise<void> {
  await helm("uninstall", release, "-n", namespace, "--wait", "--timeout", "180s");
  await kubectl("delete", "namespace", namespace, "--timeout", "120s");
}

export async function restore({ folder }: Saved, values: string): Promise<void> {
  const install = (...more: readonly string[]) =>
    tool(["helm", ...more, release, chart, "-n", namespace, "-f", "-"], { input: values });
  await install("install", "--create-namespace", "--set", "operator.replicas=0");
  await tool([script("restore.sh"), namespace, release, folder]);
  await install("upgrade", "--wait", "--timeout", "180s");
}

/** What lies in one mailbox, as the guide takes it out. */
export async function oneMailbox(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pf-mailbox-"));
  try {
    await follow(await commandsIn("backup", "One mailbox"), folder);
    return await tool(["tar", "-xOf", join(folder, "alice.tar")]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
