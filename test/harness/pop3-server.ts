/**
 * A POP3 server on loopback over a mailbox store in memory: Bob's mailbox, and Alice's. For clients that others wrote.
 */
import { randomBytes } from "node:crypto";
import { hashPassword } from "../../daemon/auth/password.ts";
import { deriveVerifier } from "../../daemon/auth/sasl/scram-keys.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { formatScramVerifier } from "../../daemon/kit/scram-verifier.ts";
import { MemoryMailboxStore } from "../../daemon/mailbox/memory.ts";
import { MemoryUses } from "../../daemon/mailbox/uses.ts";
import { Vault } from "../../daemon/nats/directory/vault.ts";
import { serverContext } from "../../daemon/net/secure-context.ts";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { type Pop3Server, servePop3 } from "../../daemon/net/serve-pop3.ts";
import { openMaildrop } from "../../daemon/pop3/maildrop.ts";
import { openLogins } from "../../daemon/run/logins.ts";
import { liveOf } from "./directory.ts";
import { bob, calm, delivery } from "./mailboxes.ts";

export const password = "staple under the desk";
const cheap = { memory: 8, passes: 1, parallelism: 1 };
const pair = makeCertificate(["localhost", "127.0.0.1"], Date.now());
const context = serverContext(pair);

/** PEM, for clients to trust. */
export const certificate: string = pair.cert;

export interface TestPop3 extends AsyncDisposable {
  /** STLS; logins in plain text too, since clients are on loopback. */
  readonly plain: Pop3Server;
  readonly secure: Pop3Server;
  readonly store: MemoryMailboxStore;
  file(...texts: readonly string[]): Promise<void>;
  /** Messages in Bob's mailbox. */
  count(): Promise<number>;
}

export async function startPop3(): Promise<TestPop3> {
  await using parts = new AsyncDisposableStack();
  const store = parts.use(new MemoryMailboxStore(systemClock));
  const secrets = {
    passwordHash: await hashPassword(password, cheap),
    scram: formatScramVerifier(await deriveVerifier(password, 4_096)),
  };
  const live = liveOf({
    domains: { "example.org": {} },
    mailboxes: { "bob@example.org": secrets, "alice@example.org": secrets },
  });
  const { door } = openLogins({
    ...{ live, vault: new Vault([randomBytes(32)]), log: silent },
    uses: new MemoryUses(),
  });
  const serve = (name: "pop3" | "pop3s") =>
    servePop3({
      listener: {
        name,
        host: "127.0.0.1",
        port: 0,
        tls: name === "pop3" ? "starttls" : "implicit",
        plainAuthOnLoopback: true,
      },
      host: { ...door("POP3"), open: (mailbox, signal) => openMaildrop(store, mailbox, () => ({}), signal) },
      hostname: "localhost",
      secureContext: () => context,
      connections: () => ({ connections: 200, perClient: 200 }),
      log: silent,
      clock: systemClock,
    });
  const plain = parts.use(await serve("pop3"));
  const secure = parts.use(await serve("pop3s"));
  const owned = parts.move();
  return {
    plain,
    secure,
    store,
    file: async (...texts) => {
      for (const text of texts) await store.deliver(delivery(text, { prefix: "" }), calm);
    },
    count: async () => (await store.status(bob))?.messages ?? 0,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
