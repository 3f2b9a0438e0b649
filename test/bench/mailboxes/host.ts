/**
 * A mailbox server under test: where it listens, and what all of its processes cost.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hashPassword } from "../../../daemon/auth/password.ts";
import { dovecotVersion, startDovecot } from "../../harness/dovecot.ts";
import { aDomain, aUser, manifest } from "../../harness/manifest.ts";
import { startFleet } from "../servers/postfleet.ts";

export interface Host extends AsyncDisposable {
  readonly name: "dovecot" | "postfleet";
  readonly version: string;
  readonly imap: number;
  /** A name under which the first user logs in without a hash to compute. */
  readonly known: string;
  /** Above all of its processes. */
  readonly pid: number;
}

export interface User {
  readonly name: string;
  readonly password: string;
}

export const password = "correct-horse";

/** The same argon2id hashes as ours, and a second name for the first user with its password in the clear. */
export async function startDovecotHost(users: readonly User[], state: string): Promise<Host> {
  const hash = `{ARGON2ID}${await hashPassword(password)}`;
  const hashed = users.map(({ name }) => ({ name, password: hash }));
  const [first] = users;
  const known = "known@bench.example";
  const another = first ? [{ name: known, password: first.password, is: first.name }] : [];
  const server = await startDovecot([...hashed, ...another], join(state, "dovecot"));
  return {
    name: "dovecot",
    version: dovecotVersion(),
    imap: server.imap,
    known,
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
    known: users[0]?.name ?? "", // a password that was right is remembered
    pid: fleet.pid,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}
