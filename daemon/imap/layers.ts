/**
 * What a session speaks over: the client's socket, and what is put between while it lasts, TLS or DEFLATE.
 *
 * In:     the socket, and who is told of what happens on it.
 * Out:    `input` and `out`, the same ones whatever lies below.
 * Fails:  `startTls` with the handshake's error.
 * Spec:   RFC 9051 §6.2.1 (STARTTLS), RFC 4978 §3 (COMPRESS).
 */
import type { ClientSocket, SocketEvents, TlsFacts } from "../kit/client-socket.ts";
import { Output } from "../kit/output.ts";
import { CompressedSocket } from "./compress.ts";
import { Input } from "./wire/input.ts";

export interface Told {
  /** The client has said something, or has read what waited for it. */
  touched(): void;
  /** What was written has left us. */
  drained(): void;
  /** Nothing can be said or heard any more. */
  closed(): void;
}

export class Layers {
  readonly input: Input;
  readonly out: Output;
  #socket: ClientSocket;
  #tls: TlsFacts | undefined;
  /** Who hears of the lowest socket. */
  #events: SocketEvents;

  constructor(socket: ClientSocket, tls: TlsFacts | undefined, told: Told) {
    this.#socket = socket;
    this.#tls = tls;
    this.input = new Input(socket);
    this.out = new Output(socket);
    this.#events = {
      data: (octets) => {
        told.touched();
        this.input.push(octets);
      },
      drained: () => {
        told.touched();
        this.out.drained();
        told.drained();
      },
      ended: () => this.input.end(),
      closed: () => {
        told.closed();
        this.input.end();
        this.out.close();
      },
    };
  }

  get encrypted(): boolean {
    return this.#tls !== undefined;
  }

  get canStartTls(): boolean {
    return !this.encrypted && this.#socket.startTls !== undefined;
  }

  get compressed(): boolean {
    return this.#socket instanceof CompressedSocket;
  }

  /** From now on the client is heard. */
  attach(): void {
    this.#socket.attach({
      data: (octets) => this.#events.data(octets),
      drained: () => this.#events.drained(),
      ended: () => this.#events.ended(),
      closed: () => this.#events.closed(),
    });
  }

  /** After what was said: what the client says from now on is compressed, also what has come already. */
  compress(): void {
    this.out.flush();
    const waiting = this.input.takeAll();
    const socket = new CompressedSocket(this.#socket);
    this.#socket = socket;
    this.input.moveTo(socket);
    this.out.moveTo(socket);
    socket.attach(this.#events);
    this.#events = socket.below;
    this.#events.data(waiting);
  }

  async startTls(): Promise<void> {
    this.out.flush();
    // What came in the clear after STARTTLS must not be taken for something said under TLS.
    this.input.clear();
    this.#tls = await this.#socket.startTls?.();
  }

  /** What was said still leaves. */
  end(): void {
    this.out.flush();
    this.#socket.end();
    this.input.end();
  }

  cut(): void {
    this.input.end();
    this.out.close();
    this.#socket.destroy();
  }
}
