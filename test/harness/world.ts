/**
 * A world for a real daemon: its own DNS, next hops on loopback addresses that share the port of MX hosts, and somebody
 * who looks into queue and mailboxes.
 *
 * Use:    `const world = await openWorld({ documents, hops, zone });` and `after(() => world[Symbol.asyncDispose]())`.
 * Names:  the daemon is `mx.fleet.example`. Clients at 127.0.0.1 may relay when a policy lists them; `stranger` may not.
 */

import { type DnsServer, startDns, type Zone } from "./dns-server.ts";
import { type Document, manifest } from "./manifest.ts";
import { NextHop, type Script } from "./next-hop.ts";
import { type Observer, observe } from "./observe.ts";
import { startPostfleet, type TestPostfleet } from "./postfleet.ts";
import { type Mail, submit } from "./submit.ts";

/** A client's address that no policy knows. */
export const stranger = "127.0.0.99";
export const ourName = "mx.fleet.example";

export interface WorldOptions {
  readonly documents: readonly (Document | readonly Document[])[];
  /** Scripts of MX hosts by address. */
  readonly hops?: Readonly<Record<string, Script>>;
  readonly zone?: Zone;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A resolver between the daemon and the world's DNS; it goes with the world. */
  readonly resolver?: (
    dns: DnsServer,
    mxPort: number,
  ) => Promise<{ readonly address: string } & AsyncDisposable>;
}

export async function openWorld(options: WorldOptions): Promise<World> {
  await using parts = new AsyncDisposableStack();
  const dns = parts.use(await startDns(options.zone));
  const { hops, port } = await startHops(options.hops ?? {});
  for (const hop of hops.values()) parts.use(hop);
  const resolver = parts.use((await options.resolver?.(dns, port)) ?? nothing);
  const args = [
    "--dns",
    resolver.address || dns.address,
    "--smtp-port",
    `${port}`,
    "--hostname",
    ourName,
    ...(options.args ?? []),
  ];
  const fleet = await startPostfleet({
    resources: manifest(...options.documents),
    args,
    ...(options.env ? { env: options.env } : {}),
  });
  parts.use(fleet);
  const observer = parts.use(await observe(fleet.data));
  return new World(fleet, dns, observer, hops, port, parts.move());
}

const nothing = { address: "", [Symbol.asyncDispose]: async () => {} };

export class World implements AsyncDisposable {
  readonly fleet: TestPostfleet;
  readonly dns: DnsServer;
  readonly observer: Observer;
  /** Where MX hosts listen. */
  readonly mxPort: number;
  readonly #hops: ReadonlyMap<string, NextHop>;
  readonly #parts: AsyncDisposableStack;

  constructor(
    fleet: TestPostfleet,
    dns: DnsServer,
    observer: Observer,
    hops: ReadonlyMap<string, NextHop>,
    mxPort: number,
    parts: AsyncDisposableStack,
  ) {
    this.fleet = fleet;
    this.dns = dns;
    this.observer = observer;
    this.#hops = hops;
    this.mxPort = mxPort;
    this.#parts = parts;
  }

  hop(address: string): NextHop {
    const hop = this.#hops.get(address);
    if (!hop) throw new Error(`no next hop at ${address}`);
    return hop;
  }

  /** By the `smtp` listener, as a client that may relay unless told otherwise. */
  submit(mail: Mail): Promise<string> {
    return submit(this.fleet.port("smtp"), mail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** All on one port, since MX records name none; it must be free at every address. */
async function startHops(
  scripts: Readonly<Record<string, Script>>,
): Promise<{ hops: ReadonlyMap<string, NextHop>; port: number }> {
  for (let tries = 0; ; tries++) {
    const hops = new Map<string, NextHop>();
    let port = 0;
    try {
      for (const [address, script] of Object.entries(scripts)) {
        const hop = await new NextHop(script).listen(address, port);
        hops.set(address, hop);
        port = hop.port;
      }
      return { hops, port: port || 25 };
    } catch (error) {
      for (const hop of hops.values()) await hop[Symbol.asyncDispose]();
      if (tries === 5) throw error;
    }
  }
}
