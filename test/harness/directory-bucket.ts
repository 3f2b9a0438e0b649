/**
 * A directory bucket on a real nats-server for the tests of `daemon/nats/directory`.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, type TestContext } from "node:test";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { Directory, LiveDirectory } from "../../daemon/directory/directory.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { type Fields, type Log, silent } from "../../daemon/kit/log.ts";
import type { MailboxName } from "../../daemon/mailbox/store.ts";
import { connectNats, type Link } from "../../daemon/nats/connect.ts";
import { DirectoryPublisher } from "../../daemon/nats/directory/publish.ts";
import { DIRECTORY_STREAM } from "../../daemon/nats/directory/record.ts";
import { Vault } from "../../daemon/nats/directory/vault.ts";
import { watchDirectory } from "../../daemon/nats/directory/watch.ts";
import { aDomain, aMailbox, aPolicy } from "./declare.ts";
import { startNats, type TestNats } from "./nats-server.ts";
import { patient } from "./patient.ts";

let running: TestNats | undefined;
export const server = (): TestNats => running ?? assert.fail("not started");
export const master = randomBytes(32);
export const vault = new Vault([master]);
export const soon = () => AbortSignal.timeout(120_000);

/** Call once in a test file: one server for all its tests. */
export function withServer(): void {
  before(async () => {
    running = await startNats(undefined, { sync: "10s" });
  });
  after(() => running?.[Symbol.asyncDispose]());
}

/** A connection to a server whose directory is empty. */
export async function fresh(t: TestContext): Promise<Link> {
  const link = await connect(t);
  await link.nc.request(`$JS.API.STREAM.DELETE.${DIRECTORY_STREAM}`).catch(() => {});
  return link;
}

export async function connect(t: TestContext): Promise<Link> {
  const { url, user, password } = server();
  const target = { servers: [url], credential: { kind: "password", user, password } as const, name: "test" };
  const link = patient(await connectNats(target, silent));
  t.after(() => link[Symbol.asyncDispose]());
  return link;
}

export async function publisherOn(t: TestContext, link: Link, over: { vault?: Vault; owner?: string } = {}) {
  const publisher = await DirectoryPublisher.open({
    link,
    vault,
    clock: systemClock,
    log: silent,
    replicas: 1,
    ...over,
  });
  t.after(() => publisher[Symbol.asyncDispose]());
  return publisher;
}

export async function watcherOn(
  t: TestContext,
  link: Link,
  over: {
    vault?: Vault;
    log?: Log;
    patienceMs?: number;
    silenceMs?: number;
    relookMs?: number;
    namespace?: string;
  } = {},
) {
  const watched = await watchDirectory({ link, vault, log: silent, signal: soon(), ...over });
  t.after(() => watched[Symbol.asyncDispose]());
  return watched;
}

/** Resolves with the first directory that fulfils the wish. */
export function eventually(live: LiveDirectory, wish: (directory: Directory) => boolean): Promise<Directory> {
  const { promise, resolve, reject } = Promise.withResolvers<Directory>();
  const look = (directory: Directory) => wish(directory) && resolve(directory);
  const stop = live.onChange(look);
  const signal = soon();
  signal.addEventListener("abort", () => reject(signal.reason));
  look(live.current());
  return promise.finally(stop);
}

export const has = (address: string) => (directory: Directory) =>
  directory.mailbox(address as MailboxName) !== undefined;

export const world: readonly Declared[] = [
  aDomain("example.test", {}, { name: "example.with.dots" }),
  aMailbox("alice@example.test", { passwordHash: "$argon2id$hash-of-alice" }, { name: "alice" }),
  aPolicy(
    {
      route: {
        smarthost: {
          host: "smtp.provider.example",
          port: 587,
          tls: "Require",
          authSecretRef: { name: "provider", usernameKey: "username", passwordKey: "password" },
        },
      },
    },
    { credentials: { "provider/username/password": { username: "shop", password: "smarthost-secret" } } },
  ),
];

/** Collects the sentences of errors and warnings. */
export function recorder(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const note = (_: Fields, sentence: string) => lines.push(sentence);
  const log: Log = { ...silent, error: note, warn: note, child: () => log };
  return { log, lines };
}
