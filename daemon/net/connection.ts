/**
 * An accepted connection: the `ClientSocket` port on the operating system's sockets.
 *
 * In:     a socket as `listen.ts` accepted it.
 * Out:    chunks pushed to whoever is attached; small replies leave at once (no Nagle delay).
 * Fails:  an error of the socket is the end of the connection, no more; a failed handshake rejects `startTls`.
 * Spec:   RFC 3207, RFC 8314 (TLS); the minimum version is what the secure context says.
 */
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { ClientSocket, SocketEvents, TlsFacts } from "../kit/client-socket.ts";
import type { Peer } from "./peer.ts";
import { beginsLikeProxy } from "./proxy-header.ts";

/** A client gets this long to read our last words and hang up. */
const lingerMs = 2_000;
const handshakeMs = 30_000;

const nobody: SocketEvents = { data() {}, drained() {}, ended() {}, closed() {} };

/** The certificate for the server name that a client asks for (SNI), or for one that names none. RFC 6066 §3 */
export type ContextFor = (serverName?: string) => SecureContext | undefined;

export class Connection implements ClientSocket {
  /** The client's address without port, IPv4-mapped IPv6 unmapped. */
  readonly address: string;
  readonly port: number;
  /** In force now. */
  tls: TlsFacts | undefined;
  readonly startTls: (() => Promise<TlsFacts>) | undefined;
  readonly #secured: ((protocol: string) => void) | undefined;
  readonly #plain: Socket;
  #socket: Socket;
  #events: SocketEvents = nobody;
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

  /** `contextFor`: TLS may be started, if it has a certificate now. */
  constructor(
    socket: Socket,
    peer: Peer,
    contextFor: ContextFor | undefined,
    secured?: (protocol: string) => void,
  ) {
    this.#secured = secured;
    this.#plain = socket;
    this.#socket = socket;
    this.address = peer.address;
    this.port = peer.port;
    const context = contextFor?.();
    this.startTls = contextFor && context && (() => this.#secure(context, contextFor));
    this.#watchClose(socket);
  }

  attach(events: SocketEvents): void {
    this.#events = events;
    if (this.#closed) events.closed();
    else this.#read(this.#socket);
  }

  /** Text is ASCII; octets stay as they are until they have left. */
  write(data: string | Uint8Array): boolean {
    return typeof data === "string" ? this.#socket.write(data, "latin1") : this.#socket.write(data);
  }

  /**
   * `tls-exporter`: what tells this TLS session from every other. Only TLS 1.3 makes sure of that; earlier versions
   * need an extension whose use node does not tell. RFC 9266 §3, §4.2
   */
  channelBinding(): Buffer | undefined {
    const socket = this.#socket;
    if (this.#closed || !(socket instanceof TLSSocket) || socket.getProtocol() !== "TLSv1.3")
      return undefined;
    return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#closed || this.#linger !== undefined) return;
    this.#linger = setTimeout(() => this.destroy(), lingerMs);
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(socket: Socket): void {
    let first = true;
    socket.on("data", (octets: Buffer) => {
      // Whoever is not on our list of proxies and speaks like one wants to be taken for somebody else.
      if (first && socket === this.#plain && beginsLikeProxy(octets)) return void socket.destroy();
      first = false;
      this.#events.data(octets);
    });
    socket.on("drain", () => this.#events.drained());
    socket.on("end", () => this.#events.ended());
    socket.resume(); // a proxy's header may have been read from it before
  }

  #watchClose(socket: Socket): void {
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      if (this.#closed || socket !== this.#socket) return;
      this.#closed = true;
      clearTimeout(this.#linger);
      this.#events.closed();
    });
  }

  /** From here on what arrives is TLS; the plain stream has no listener left that could take it for commands. */
  async #secure(secureContext: SecureContext, contextFor: ContextFor): Promise<TlsFacts> {
    const plain = this.#socket;
    for (const event of ["data", "drain", "end"]) plain.removeAllListeners(event);
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      SNICallback: (name, done) => done(null, contextFor(name)),
    });
    this.#socket = socket;
    this.#watchClose(socket);
    await handshake(socket);
    this.tls = { protocol: socket.getProtocol() ?? "unknown", cipher: socket.getCipher().name };
    this.#secured?.(this.tls.protocol);
    if (this.#events !== nobody) this.#read(socket);
    return this.tls;
  }
}

function handshake(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error("the TLS handshake took too long")), handshakeMs);
    // A stream that ends half-way through would otherwise stay open, waiting for a handshake that cannot come.
    const left = () => socket.destroy(new Error("the client hung up during the TLS handshake"));
    socket.once("end", left);
    socket.once("secure", () => {
      socket.off("end", left);
      resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed during the TLS handshake")));
    const stop = () => clearTimeout(late);
    socket.once("secure", stop).once("close", stop);
  });
}
