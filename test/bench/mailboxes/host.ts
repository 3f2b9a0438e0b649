/**
 * A mailbox server under test: where it listens, and what all of its processes cost.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { dovecotVersion, startDovecot } from "../../harness/dovecot.ts";
import { aDomain, aUser, manifest } from "../../harness/manifest.ts";
import { startFleet } from "../servers/postfleet.ts";

export interface Host extends AsyncDisposable {
  readonly name: "dovecot" | "postfleet";
  readonly version: string;
  readonly imap: number;
  /** Above all of its processes. */
  readonly pid: number;
}

export interface User {
  readonly name: string;
  readonly password: string;
}

export const password = "correct-horse";

export async function startDovecotHost(users: readonly User[], state: string): Promise<Host> {
  const server = await startDovecot(users, join(state, "dovecot"));
  return {
    name: "dovecot",
    version: dovecotVersion(),
    imap: server.imap,
    pid: server.pid,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export async function startPostfleetHost(users: readonly User[], state: string): Promise<Host> {
  await mkdir(state, { recursive: true });
  const resources = manifest(
    aDomain("bench.example"),
    ...users.map((user) => aUser(user.name, user.password)),
  );
  const fleet = await startFleet({ state, resources });
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../../package.json"), "utf8"));
  return {
    name: "postfleet",
    version,
    imap: fleet.port("imap"),
    pid: fleet.pid,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}
