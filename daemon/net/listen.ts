/**
 * Listening: accepts connections, within caps, in plain text or TLS.
 *
 * In:     an address and port (0: any free one). Host `::` takes IPv4 too; mapped addresses are unmapped.
 * Out:    connections, counted until they close. With implicit TLS only those whose handshake succeeded.
 * Fails:  `CannotListen` when the address cannot be had. A client beyond a cap is told so and dropped.
 * Spec:   RFC 8314 §3.3 (implicit TLS).
 */
import net, { type Socket } from "node:net";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { SampledLog } from "../kit/sampled-log.ts";
import { CannotListen } from "./cannot-listen.ts";
import type { Caps } from "./caps.ts";
import { Connection, type ContextFor } from "./connection.ts";
import { type Peer, peerOf } from "./peer.ts";
import type { Proxies } from "./proxied.ts";

export interface ListenOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
  /** Asked per connection, and again by the name that the client asks for, so that a renewed certificate is in force at once. */
  readonly secureContext: ContextFor;
  readonly onConnection: (connection: Connection) => void;
  /** Counts the connections, maybe together with those of other listeners. */
  readonly caps: Caps;
  /** What a client beyond a cap hears, in plain text. */
  readonly refusal: string;
  /** Proxies that are trusted to name the client; absent: none is. */
  readonly proxies?: Proxies | undefined;
  /** TLS began on a connection: `TLSv1.3`, or whichever version it is. */
  readonly secured?: ((protocol: string) => void) | undefined;
  readonly log: Log;
}

export interface Listener extends AsyncDisposable {
  /** `127.0.0.1:2525` or `[::1]:2525`. */
  readonly address: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Accepts no more; open connections go on. */
  stop(): void;
}

const backlog = 1024;

interface Listening extends ListenOptions {
  readonly told: SampledLog;
}

export async function listen(options: ListenOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const listening = { ...options, told: new SampledLog({ log: options.log, clock: systemClock }) };
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    accept(socket, listening);
  });
  await bind(server, options);
  const { address, port } = server.address() as net.AddressInfo;
  return {
    address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
    port,
    get open() {
      return sockets.size;
    },
    stop: () => void server.close(),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      listening.told[Symbol.dispose]();
      await closed;
    },
  };
}

function bind(server: net.Server, { name, host, port, log }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(new CannotListen(name, { host, port }, error));
    server.once("error", failed);
    server.listen({ host, port, backlog }, () => {
      server.off("error", failed);
      server.on("error", (err) => log.error({ err, listener: name }, "the listener failed"));
      resolve();
    });
  });
}

function accept(socket: Socket, options: Listening): void {
  const peer = peerOf(socket);
  if (peer === undefined) return void socket.destroy();
  const { proxies } = options;
  if (proxies === undefined || !proxies.trusts(peer)) return admit(socket, peer, options);
  void proxies.clientOf(socket, peer).then((client) => client && admit(socket, client, options));
}

/** From here on `peer` is the client, whatever stands between. */
function admit(socket: Socket, peer: Peer, options: Listening): void {
  const leave = options.caps.enter(peer.address);
  if (typeof leave === "string") return refuse(socket, leave, peer, options);
  socket.once("close", leave);
  const { tls, secureContext, secured } = options;
  const connection = new Connection(socket, peer, tls === "none" ? undefined : secureContext, secured);
  if (options.tls === "implicit") void secureFirst(connection, options);
  else options.onConnection(connection);
}

/** Cheaply: one write, no session. Under implicit TLS plain words would only confuse. */
function refuse(socket: Socket, cap: string, peer: Peer, { name, tls, refusal, told }: Listening): void {
  told.info(cap, () => ({ listener: name, client: peer.address, cap }), "connection refused: too many");
  socket.on("error", () => {});
  if (tls === "implicit") socket.destroy();
  else socket.end(refusal, () => socket.destroy());
}

async function secureFirst(
  connection: Connection,
  { name, log, onConnection }: ListenOptions,
): Promise<void> {
  try {
    if (connection.startTls === undefined) throw new Error("no certificate is configured");
    await connection.startTls();
  } catch (error) {
    log.info(
      { listener: name, client: connection.address, error: String(error) },
      "the TLS handshake failed",
    );
    connection.destroy();
    return;
  }
  onConnection(connection);
}
