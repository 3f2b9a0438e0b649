/**
 * A directory that changes under its readers: holds the current one and tells who wants to know.
 *
 * Fails:  a listener that throws does not keep the others from hearing; its error is logged.
 */
import type { Log } from "../kit/log.ts";
import type { Directory, LiveDirectory } from "./directory.ts";

export class DirectoryHolder implements LiveDirectory {
  #current: Directory;
  readonly #listeners = new Set<(directory: Directory) => void>();
  readonly #log: Log;

  constructor(first: Directory, log: Log) {
    this.#current = first;
    this.#log = log;
  }

  current(): Directory {
    return this.#current;
  }

  onChange(listener: (directory: Directory) => void): () => void {
    const own = (directory: Directory) => listener(directory); // the same function may listen twice
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  swap(next: Directory): void {
    this.#current = next;
    for (const listener of [...this.#listeners]) {
      try {
        listener(next);
      } catch (error) {
        this.#log.error({ err: error }, "a listener to directory changes failed");
      }
    }
  }
}
