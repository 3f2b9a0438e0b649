/**
 * Which bodies a copy holds whole, by the records of the body streams in their order. Pure.
 */
import type { SavedRecord } from "./archive.ts";

export class BodyIndex {
  readonly #chunks = new Map<string, Set<number>>();

  /** `b<shard>.<body>.<chunk>`; an empty record says that the chunk was removed. */
  add({ subject, data }: Pick<SavedRecord, "subject" | "data">): void {
    const [, id = "", chunk = ""] = subject.split(".");
    const chunks = this.#chunks.get(id) ?? new Set();
    if (data.length > 0) chunks.add(Number(chunk));
    else chunks.delete(Number(chunk));
    if (chunks.size > 0) this.#chunks.set(id, chunks);
    else this.#chunks.delete(id);
  }

  has(id: string, chunks: number): boolean {
    return this.#chunks.get(id)?.size === chunks;
  }
}
