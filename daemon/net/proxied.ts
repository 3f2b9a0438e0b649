/**
 * Whose connection is it? The peer itself, or whoever the trusted proxy names.
 *
 * In:     an accepted socket; the networks that proxies connect from.
 * Out:    the client, before anything else is read or said; what came behind the header is still to be read.
 * Fails:  `undefined`, and the socket is closed: no header in time, a malformed one, a hang-up, or too many proxies at
 *         once that have not told yet.
 */
import type { Socket } from "node:net";
import type { CidrTable } from "../kit/cidr.ts";
import type { Log } from "../kit/log.ts";
import type { Peer } from "./peer.ts";
import { readProxyHeader } from "./proxy-header.ts";

export interface ProxyTrust {
  /** Holds an address: connections from there begin with a header. */
  readonly from: CidrTable<true>;
  readonly log: Log;
  /** How long the header may take, ms. */
  readonly patienceMs?: number;
  /** Connections at once whose header has not come. */
  readonly atOnce?: number;
}

const defaults = { patienceMs: 5_000, atOnce: 1_000 };

export class Proxies {
  readonly #trust: Required<ProxyTrust>;
  #waiting = 0;

  constructor(trust: ProxyTrust) {
    this.#trust = { ...defaults, ...trust };
  }

  trusts(peer: Peer): boolean {
    return this.#trust.from.find(peer.address) === true;
  }

  /** Resolves with the client that the proxy names. */
  async clientOf(socket: Socket, proxy: Peer): Promise<Peer | undefined> {
    const { atOnce, log } = this.#trust;
    if (this.#waiting >= atOnce) {
      log.warn({ proxy: proxy.address }, "connection refused: too many that have not told their client");
      socket.destroy();
      return undefined;
    }
    this.#waiting++;
    try {
      return await this.#read(socket, proxy);
    } catch (error) {
      log.info({ proxy: proxy.address, error: (error as Error).message }, "a proxy's connection was closed");
      socket.destroy();
      return undefined;
    } finally {
      this.#waiting--;
    }
  }

  #read(socket: Socket, proxy: Peer): Promise<Peer> {
    const { patienceMs } = this.#trust;
    return new Promise((resolve, reject) => {
      let seen: Buffer = Buffer.alloc(0);
      const fail = (why: string) => {
        stop();
        reject(new Error(why));
      };
      const late = setTimeout(() => fail("its PROXY header did not come in time"), patienceMs);
      const left = () => fail("it hung up before its PROXY header");
      const take = (octets: Buffer) => {
        seen = seen.length === 0 ? octets : Buffer.concat([seen, octets]);
        const header = readProxyHeader(seen);
        if (header.kind === "more") return;
        if (header.kind === "bad") return fail(header.why);
        stop();
        if (seen.length > header.length) socket.unshift(seen.subarray(header.length));
        resolve(header.peer ?? proxy);
      };
      const stop = () => {
        clearTimeout(late);
        socket.pause(); // what is to come waits for the session
        socket.off("data", take).off("end", left).off("close", left);
      };
      socket.on("error", () => {}); // "close" follows
      socket.on("data", take).once("end", left).once("close", left);
    });
  }
}
