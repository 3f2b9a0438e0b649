/**
 * The API of this daemon: at a socket, for commands of the user that it runs as; and on a person's own machine, with the
 * console, on the health listener.
 *
 * The socket lies in the data folder, or where `--api-socket` says, so it is there in every pod and with `--console off`. What
 * answers is loaded with the first question: a daemon that nobody asks pays for a listener. What it sees is what the
 * daemon's own NATS user sees.
 *
 * Fails:  never for the socket's sake: mail does not wait for it, and the log says why it is not there.
 */
import type { Output } from "../cli/context.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import { systemClock } from "../kit/clock.ts";
import { socketIn } from "../kit/data-dir.ts";
import type { Endpoint } from "../kit/flags.ts";
import type { Log } from "../kit/log.ts";
import { once } from "../kit/once.ts";
import { readVersion } from "../kit/version.ts";
import { readLayout } from "../nats/layout.ts";
import type { HealthOptions } from "../net/health.ts";
import { serveSocket } from "../net/unix-socket.ts";
import type { WebHandler } from "../net/web.ts";
import type { Installation } from "../operate/installation.ts";
import { LocalConsole } from "./console.ts";
import type { Metrics } from "./metrics.ts";
import type { RunOptions } from "./options.ts";
import type { Store } from "./store.ts";

/** Whoever may open the socket could as well use what lies beside it. */
const atSocket = { name: "command line", role: "operator" } as const;

export class OwnApi implements AsyncDisposable {
  readonly #options: RunOptions;
  readonly #log: Log;
  readonly #console: LocalConsole;
  /** Nobody asks any more when what answers is closed. */
  readonly #parts = new AsyncDisposableStack();
  readonly #doors = new AsyncDisposableStack();

  constructor(options: RunOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    this.#console = new LocalConsole(options, log);
  }

  /** For the health listener, which opens before there is anything to show. */
  web(metrics: Pick<Metrics, "timed">): Pick<HealthOptions, "web"> {
    return this.#console.web(metrics);
  }

  async open(store: Store, live: LiveDirectory): Promise<void> {
    const installation = once(async () => this.#parts.use(await this.#installation(store, live)));
    if (this.#console.isWanted) await this.#console.open(await installation());
    const handler = once(async () => {
      const { openLocalApi } = await import("../api/local.ts");
      const [opened, version] = await Promise.all([installation(), readVersion()]);
      return openLocalApi({
        installation: opened,
        who: atSocket,
        version,
        clock: systemClock,
        log: this.#log,
      });
    });
    await this.#listen(async (request) => (await handler())(request));
  }

  greet(endpoints: ReadonlyMap<string, Endpoint>, out: Output): Promise<void> {
    return this.#console.greet(endpoints, out);
  }

  async #listen(handler: WebHandler): Promise<void> {
    const { apiSocket, data } = this.#options;
    const path = apiSocket ?? (data === undefined ? undefined : socketIn(data));
    if (path === undefined) return;
    const onFault = (error: unknown) => this.#log.error({ err: error }, "a command could not be answered");
    try {
      this.#doors.use(await serveSocket({ path, handler, onFault }));
    } catch (error) {
      this.#log.warn({ err: error, path }, "commands cannot reach this daemon: its socket cannot be made");
    }
  }

  async #installation({ link, queue, events, namespace }: Store, live: LiveDirectory): Promise<Installation> {
    const { openInstallation } = await import("../operate/installation.ts");
    const { dns, hostname, smtpPort } = this.#options;
    const servers = dns.length > 0 ? dns : await systemServers();
    return openInstallation({
      link,
      layout: await readLayout(link),
      namespace,
      live,
      queue,
      closed: () => queue.closed,
      record: (event, about) => events.tell(event, about),
      resolver: this.#parts.use(new Resolver({ servers, clock: systemClock })),
      hostname,
      smtpPort,
      clock: systemClock,
      log: this.#log,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#doors.disposeAsync();
    await this.#parts.disposeAsync();
  }
}
