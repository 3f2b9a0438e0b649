/**
 * Which streams are saved, in which order, and what of them. Pure.
 *
 * The order makes the copy whole although mail flows meanwhile. A message goes from the queue into a mailbox: so the queue
 * comes first, then the mailboxes, and what is in neither queue nor mailbox has left. (The other way round, what was filed in
 * between would be in neither copy.) Bodies of the queue come last: a job whose body is not there any more was finished
 * after the queue was saved.
 *
 * Not saved is what running daemons make anew: leases, acknowledgements, counts in memory.
 */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly storage?: string;
  readonly max_msgs_per_subject?: number;
  readonly max_bytes?: number;
  readonly num_replicas?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

const ranks: readonly RegExp[] = [/^Q\d+$/, /^M/, /^(?!B\d+$)/, /^B\d+$/];
const rankOf = (name: string) => ranks.findIndex((pattern) => pattern.test(name));

/** Those that lie on disk, in the order in which they are saved. */
export const toBeSaved = <T extends StreamConfig>(streams: readonly T[]): T[] =>
  streams
    .filter(({ storage }) => storage !== "memory")
    .toSorted((a, b) => rankOf(a.name) - rankOf(b.name) || a.name.localeCompare(b.name));

/**
 * The queue last: without it there is no installation, so that a restoration that was cut short is begun again. Of the queue's
 * streams Q0 comes first, which is marked until all of them are there.
 */
export const toBeRestored = <T extends Pick<StreamConfig, "name">>(streams: readonly T[]): T[] =>
  streams.toSorted((a, b) => rankOf(b.name) - rankOf(a.name) || a.name.localeCompare(b.name));

export const isQueue = (name: string): boolean => /^Q\d+$/.test(name);
export const isBodies = (name: string): boolean => /^B\d+$/.test(name);

/**
 * Leases name members that live; what else lies beside them is meant to stay. How far a webhook is counts records of a stream
 * that counts anew when it is brought back.
 */
export const isSaved = (subject: string): boolean =>
  !/^own\.[^.]+\.(?!suspended\.)[^.]+(\.[^.]+){2,}$/.test(subject) &&
  !/^hooks\.[^.]+\.[^.]+\.(lease|place)\._$/.test(subject);

/** Seconds that a record has left; `undefined`: it stays; 0: it has ended. */
export function timeLeft(
  { ttl, time }: { readonly ttl?: number; readonly time: number },
  now: number,
): number | undefined {
  if (ttl === undefined) return undefined;
  return Math.max(0, Math.ceil(ttl - (now - time) / 1_000));
}

/** `600s`, `10m`, `2h`, or a number of seconds; `never` and what is not understood have no end. NATS ADR-43 */
export function secondsOf(ttl: string | undefined): number | undefined {
  const [, number, unit = "s"] = /^(\d+)(s|m|h)?$/.exec(ttl ?? "") ?? [];
  return number === undefined
    ? undefined
    : Number(number) * { s: 1, m: 60, h: 3_600 }[unit as "s" | "m" | "h"];
}
