/**
 * Who lives in a pool and who holds which partition, as its records say (`own.<pool>.m.<member>`, `own.<pool>.p.<partition>`).
 *
 * In:     records as a tail tells them, and our own writes before it does.
 * Out:    live members, those of them that leave, holders. A record that somebody wrote who may not is not believed.
 */
import type { Log } from "../kit/log.ts";
import type { Holding } from "../queue/ownership.ts";
import type { TailMessage } from "./tail.ts";

type Record = Pick<TailMessage, "subject" | "data" | "sequence" | "forged">;

export class Roll {
  readonly live = new Set<string>();
  /** Live members that said so: they are not waited for to take anything. */
  readonly leavers = new Set<string>();
  /** When each live member was heard of last, monotonic ms. */
  readonly #heardAt = new Map<string, number>();
  readonly #holders = new Map<number, { readonly holder: string | undefined; readonly revision: number }>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `at`: monotonic ms. */
  hear(record: Record, at: number): void {
    const [kind, name] = record.subject.split(".").slice(-2);
    if (record.forged) this.#hearForged(kind, Number(name), record);
    else if (kind === "m" && name) this.#hearMember(name, record.data, at);
    else if (kind === "p" && name) this.learn(Number(name), holderIn(record.data), record.sequence);
  }

  #hearMember(name: string, data: Uint8Array, at: number): void {
    this.leavers.delete(name);
    if (data.length === 0) return this.gone(name);
    this.live.add(name);
    this.#heardAt.set(name, at);
    const { leaving } = JSON.parse(Buffer.from(data).toString()) as { readonly leaving?: true };
    if (leaving) this.leavers.add(name);
  }

  gone(member: string): void {
    this.live.delete(member);
    this.leavers.delete(member);
    this.#heardAt.delete(member);
  }

  /** Live members of whom nothing was heard since then. */
  silentSince(time: number): readonly string[] {
    return [...this.#heardAt].flatMap(([member, at]) => (at < time && this.live.has(member) ? [member] : []));
  }

  /** Who holds the partition is what was known before; only its record has another revision now. */
  #hearForged(kind: string | undefined, partition: number, { subject, sequence }: Record): void {
    this.#log.error(
      { subject },
      "a record of a lease was written by somebody who may not: it is not believed",
    );
    if (kind === "p") this.learn(partition, this.holderOf(partition), sequence);
  }

  /** What is older than what is known says nothing. */
  learn(partition: number, holder: string | undefined, revision: number): void {
    if (this.revisionOf(partition) > revision) return;
    this.#holders.set(partition, { holder, revision });
  }

  /** It has no record any more. */
  forget(partition: number): void {
    this.#holders.delete(partition);
  }

  holderOf(partition: number): string | undefined {
    return this.#holders.get(partition)?.holder;
  }

  /** 0: it has no record. */
  revisionOf(partition: number): number {
    return this.#holders.get(partition)?.revision ?? 0;
  }

  holdings(partitions: number): Holding[] {
    return Array.from({ length: partitions }, (_, partition) => ({
      partition,
      holder: this.holderOf(partition),
    }));
  }
}

const holderIn = (data: Uint8Array): string | undefined =>
  data.length === 0
    ? undefined
    : (JSON.parse(Buffer.from(data).toString()) as { readonly holder?: string }).holder;
