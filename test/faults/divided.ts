/**
 * An installation whose every process is a host of its own, so that any two of them can be parted: three NATS servers,
 * gateway, two relays, two mailbox processes; clients and the next hop have addresses of their own in the test process.
 */
import { join } from "node:path";
import { type NatsCluster, startNatsCluster } from "../harness/nats-cluster.ts";
import { openRoles, type RoleName, type Roles, roleNames } from "./installation.ts";
import { type Host, Lan } from "./lan.ts";

export interface Divided extends Roles {
  readonly lan: Lan;
  readonly nats: NatsCluster;
  readonly hosts: Readonly<Record<RoleName, Host>>;
  /** In the order of `nats.nodes`. */
  readonly natsHosts: readonly Host[];
  readonly sink: Host;
}

export interface Ground extends AsyncDisposable {
  readonly lan: Lan;
  readonly sink: Host;
}

/** The network, and the next hop's address in it. */
export async function openGround(): Promise<Ground> {
  const lan = await Lan.open();
  await lan.ours(); // the clients' address
  return { lan, sink: await lan.ours(), [Symbol.asyncDispose]: () => lan[Symbol.asyncDispose]() };
}

/** Running and ready. */
export async function openDivided(ground: Ground, dir: string, sinkPort: number): Promise<Divided> {
  const { lan, sink } = ground;
  await using parts = new AsyncDisposableStack();
  const natsHosts = [await lan.host(), await lan.host(), await lan.host()];
  const hosts = {} as Record<RoleName, Host>;
  for (const name of roleNames) hosts[name] = await lan.host();
  const nodes = natsHosts.map((host, n) => ({ ...host, dir: join(dir, `nats-${n + 1}`) }));
  const nats = parts.use(await startNatsCluster({ nodes }));
  const roles = parts.use(
    await openRoles({
      dir,
      nats: nats.access,
      hosts,
      ways: { smarthost: { host: sink.address, port: sinkPort }, clients: "10.77.0.0/24" },
      args: ["--replicas", "3"],
    }),
  );
  const owned = parts.move();
  return { ...roles, lan, nats, hosts, natsHosts, sink, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
