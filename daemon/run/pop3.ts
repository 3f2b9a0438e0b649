/**
 * POP3 in the mailbox role: the listeners `pop3` (STARTTLS where there is a certificate) and `pop3s` (only with one).
 *
 * In:     who may log in, and the mailbox store for what they find.
 * Out:    the servers that listen; two stops.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { MailboxAccess } from "../mailbox/session.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { Proxies } from "../net/proxied.ts";
import { type Pop3Server, servePop3 } from "../net/serve-pop3.ts";
import type { Pop3Host } from "../pop3/host.ts";
import { openMaildrop } from "../pop3/maildrop.ts";
import type { Certificate } from "./certificate.ts";
import type { Door } from "./logins.ts";
import type { Metrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";

export interface Pop3Context {
  readonly options: RunOptions;
  readonly live: LiveDirectory;
  readonly store: { readonly mailboxes: MailboxAccess };
  readonly door: Door;
  readonly certificate: Certificate;
  readonly proxies?: Proxies | undefined;
  readonly metrics: Pick<Metrics, "connection">;
  readonly log: Log;
}

export interface Pop3 extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, Pop3Server>;
  drain(): Promise<void>;
  abort(): void;
}

const listeners = ["pop3", "pop3s"] as const;
/** Sessions last seconds; one network may be a large office. */
const connections = { connections: 2_000, perClient: 200 } as const;

export async function openPop3(context: Pop3Context): Promise<Pop3> {
  const { options, certificate, metrics, log } = context;
  await using parts = new AsyncDisposableStack();
  const servers = new Map<ListenerName, Pop3Server>();
  const host = hostOf(context);
  for (const name of listeners) {
    const where = options.listen[name];
    if (where === undefined) continue;
    const tls = name === "pop3s" ? "implicit" : "starttls";
    const server = await servePop3({
      listener: { name, ...where, tls, plainAuthOnLoopback: options.nats.length === 0 },
      host,
      hostname: options.hostname,
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

const hostOf = ({ door, live, store }: Pop3Context): Pop3Host => ({
  ...door,
  open(mailbox: MailboxName, signal) {
    const quota = () => live.current().mailbox(mailbox)?.quota ?? {};
    return openMaildrop(store.mailboxes, mailbox, quota, signal);
  },
});
