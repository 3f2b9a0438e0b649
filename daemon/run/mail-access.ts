/**
 * How people get at their mail: the IMAP listeners of the mailbox role.
 *
 * In:     the directory for who may log in, the mailbox store for what they find.
 * Out:    `imap` (STARTTLS where a certificate is known) and `imaps` (only with a certificate), each unless it is off.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { ImapHost } from "../imap/host.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { MailboxAccess } from "../mailbox/session.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { Proxies } from "../net/proxied.ts";
import { type ImapServer, serveImap } from "../net/serve-imap.ts";
import type { Certificate } from "./certificate.ts";
import type { Door } from "./logins.ts";
import type { Metrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";

export interface MailAccess extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, ImapServer>;
  /** Accepts no more, and lets every command end. */
  drain(): Promise<void>;
  abort(): void;
}

export interface MailAccessContext {
  readonly options: RunOptions;
  readonly store: { readonly mailboxes: MailboxAccess };
  readonly live: LiveDirectory;
  readonly door: Door;
  readonly metrics: Pick<Metrics, "connection">;
  readonly certificate: Certificate;
  readonly proxies?: Proxies | undefined;
  readonly log: Log;
}

const listeners = ["imap", "imaps"] as const;
/** People leave clients open on several devices, and each client opens several connections. */
const connections = { connections: 10_000, perClient: 200 };

export async function openMailAccess(context: MailAccessContext): Promise<MailAccess> {
  const { options, metrics, certificate, log } = context;
  await using parts = new AsyncDisposableStack();
  const host = hostOf(context);
  const servers = new Map<ListenerName, ImapServer>();
  for (const name of listeners) {
    const where = options.listen[name];
    if (where === undefined) continue;
    const tls = name === "imaps" ? "implicit" : "starttls";
    const server = await serveImap({
      listener: { name, ...where, tls, plainAuthOnLoopback: options.nats.length === 0 },
      host,
      secureContext: certificate.current,
      proxies: context.proxies,
      connections: () => connections,
      opened: (listener) => metrics.connection(listener),
      log,
      clock: systemClock,
    });
    servers.set(name, parts.use(server));
  }
  const owned = parts.move();
  return {
    servers,
    drain: async () => {
      await Promise.all([...servers.values()].map((server) => server.drain()));
    },
    abort: () => {
      for (const server of servers.values()) server.abort();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const hostOf = ({ door, live, store }: MailAccessContext): ImapHost => ({
  ...door,
  open: (who, signal) => store.mailboxes.open(who, { quota: () => quotaOf(live, who) }, signal),
});

/** The limits of the resource as it is now; none when it was deleted meanwhile. */
const quotaOf = (live: LiveDirectory, who: MailboxName): Quota => live.current().mailbox(who)?.quota ?? {};
