/**
 * The mailbox stores of an installation: those of a namespace whose own daemons keep its mailboxes, and the one of all
 * others.
 *
 * Fails: `StoreFault` when NATS does not say which streams there are.
 */
import { StoreFault } from "../fault.ts";
import { namespaceShard } from "../users/permissions.ts";
import { type JetStreamMailboxOptions, JetStreamMailboxStore } from "./store.ts";
import { mailStream } from "./subjects.ts";

/** How long it is believed that a namespace has no stream of its own, ms. */
const BELIEVED_MS = 60_000;

export class MailboxStores implements AsyncDisposable {
  readonly #options: Omit<JetStreamMailboxOptions, "namespace">;
  readonly #shared: JetStreamMailboxStore;
  readonly #own = new Map<string, JetStreamMailboxStore>();
  /** By namespace: until when it is believed to have none. */
  readonly #none = new Map<string, number>();

  constructor(options: Omit<JetStreamMailboxOptions, "namespace">) {
    this.#options = options;
    this.#shared = new JetStreamMailboxStore(options);
  }

  async of(namespace: string): Promise<JetStreamMailboxStore> {
    const known = this.#own.get(namespace);
    if (known) return known;
    const now = this.#options.clock.monotonic();
    if ((this.#none.get(namespace) ?? Number.NEGATIVE_INFINITY) > now) return this.#shared;
    if (!(await this.#exists(mailStream(namespaceShard(namespace))))) {
      this.#none.set(namespace, now + BELIEVED_MS);
      return this.#shared;
    }
    return this.apart(namespace);
  }

  /** Of a namespace that is known to keep its own; `undefined`: the one of all others. */
  apart(namespace: string | undefined): JetStreamMailboxStore {
    if (namespace === undefined) return this.#shared;
    const store = this.#own.get(namespace) ?? new JetStreamMailboxStore({ ...this.#options, namespace });
    this.#own.set(namespace, store);
    return store;
  }

  async #exists(stream: string): Promise<boolean> {
    let answer: { readonly error?: { readonly code?: number; readonly description?: string } };
    try {
      const asked = this.#options.link.nc.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 5_000 });
      answer = (await asked).json();
    } catch (error) {
      throw new StoreFault("away", `no answer about ${stream}`, error);
    }
    if (answer.error === undefined) return true;
    if (answer.error.code === 404) return false;
    throw new StoreFault("refused", answer.error.description ?? "refused");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of [this.#shared, ...this.#own.values()]) await store[Symbol.asyncDispose]();
  }
}
