/**
 * By the guide (docs/backup.md): everything is saved, the installation is lost with its volumes, and a new one is made of
 * what was saved; one mailbox is taken out.
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../harness/source.ts";
import { commandsIn, follow } from "./guide.ts";
import { namespace, release } from "./installation.ts";
import { kubectl } from "./kube.ts";
import { helm, tool } from "./tools.ts";

/** Where the guide keeps what it saves. */
const place = /\/srv\/backup\/(?:\$\([^)]*\)|[^\s$])+/g;

export interface Saved extends AsyncDisposable {
  readonly folder: string;
  readonly streams: readonly string[];
}

export async function backUp(): Promise<Saved> {
  const folder = await mkdtemp(join(tmpdir(), "pf-backup-"));
  await follow((await commandsIn("backup", "Everything")).replace(place, folder));
  return {
    folder,
    streams: await readdir(join(folder, "streams")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Names of what is saved of any installation, also where NATS speaks TLS. */
export async function savedStreams(inNamespace: string, name: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "pf-backup-"));
  try {
    await tool([join(root, "scripts/backup.sh"), inNamespace, name, folder]);
    return await readdir(join(folder, "streams"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As when the machines burn: nothing of the release namespace is left. */
export async function loseEverything(): Promise<void> {
  await helm("uninstall", release, "-n", namespace, "--wait", "--timeout", "180s");
  await kubectl("delete", "namespace", namespace, "--timeout", "120s");
}

export async function restore({ folder }: Saved, values: string): Promise<void> {
  const file = join(folder, "values.yaml");
  await writeFile(file, values);
  const commands = await commandsIn("backup", "After a loss");
  await follow(commands.replace(place, folder).replaceAll("values.yaml", file));
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
