/**
 * A process of Node that was started with `--inspect`, asked for its heap after a full collection: what is still held, and
 * not what nobody has collected yet.
 *
 * Spec: the Chrome DevTools Protocol, domains Runtime and HeapProfiler.
 */
export interface Heap {
  /** Octets of objects. */
  readonly objects: number;
  /** Octets of buffers. */
  readonly buffers: number;
}

interface Answer {
  readonly id?: number;
  readonly result?: Readonly<Record<string, number>>;
  readonly error?: { readonly message: string };
}

export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<NonNullable<Answer["result"]>>>();
  #serial = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data)) as Answer));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the inspected process is gone"));
    });
  }

  /** `port`: of `--inspect=127.0.0.1:PORT`. */
  static async attach(port: number): Promise<Inspector> {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
    if (!target) throw new Error(`nothing is inspected at port ${port}`);
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`no inspector at port ${port}`)));
    });
    return new Inspector(socket);
  }

  async heap(): Promise<Heap> {
    await this.#ask("HeapProfiler.collectGarbage");
    const { usedSize = 0, backingStorageSize = 0 } = await this.#ask("Runtime.getHeapUsage");
    return { objects: usedSize, buffers: backingStorageSize };
  }

  #ask(method: string): Promise<NonNullable<Answer["result"]>> {
    const id = ++this.#serial;
    const answer = Promise.withResolvers<NonNullable<Answer["result"]>>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method }));
    return answer.promise;
  }

  #take({ id = 0, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
