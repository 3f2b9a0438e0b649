/**
 * A TCP balancer as small as can be, in place of a Service: each connection goes to the next gateway that says it is
 * ready. It tries nobody else when that one refuses, so that a refusal is seen.
 *
 * In:     gateways, each with a port and a way to ask whether it is ready; asked ten times a second, as kubelets do less often.
 * Out:    a port; how many connections were refused, and for how many nobody was ready.
 */
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Backend {
  readonly port: number;
  isReady(): Promise<boolean>;
}

const LOOK_MS = 100;

export class Balancer implements AsyncDisposable {
  readonly #backends: readonly Backend[];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #stop = new AbortController();
  #ready: readonly Backend[] = [];
  #turn = 0;
  /** A gateway that had said that it is ready took no connection. */
  refused = 0;
  /** Nobody was ready. */
  unserved = 0;

  private constructor(backends: readonly Backend[]) {
    this.#backends = backends;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#pass(socket));
  }

  static async open(backends: readonly Backend[]): Promise<Balancer> {
    const balancer = new Balancer(backends);
    await balancer.#look();
    void balancer.#watch();
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const ready = await Promise.all(this.#backends.map((backend) => backend.isReady()));
    this.#ready = this.#backends.filter((_, n) => ready[n]);
  }

  #pass(client: net.Socket): void {
    this.#keep(client);
    const backend = this.#ready[this.#turn++ % Math.max(1, this.#ready.length)];
    if (!backend) {
      this.unserved++;
      client.destroy();
      return;
    }
    const gateway = net.connect({ port: backend.port, host: "127.0.0.1", noDelay: true });
    this.#keep(gateway);
    let connected = false;
    gateway.once("connect", () => {
      connected = true;
      client.pipe(gateway).pipe(client);
    });
    gateway.on("close", () => {
      if (!connected && !this.#stop.signal.aborted) this.refused++;
      client.destroy();
    });
    client.on("close", () => gateway.destroy());
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
