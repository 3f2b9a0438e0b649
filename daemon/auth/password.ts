/**
 * Makes and checks password hashes, without letting a crowd of logins take the memory or the processor.
 *
 * In:     passwords in plain text, hashes as PHC strings.
 * Out:    `hashPassword`, `fitting`; `PasswordVerifier.verify`, the port of `login.ts`.
 * Costs:  a hash takes 19 MiB and tens of milliseconds in a thread. At most `threads` run at once, at most `waiting`
 *         wait; a password that was right a short while ago is known by a keyed digest and costs microseconds, so that
 *         a client with a connection per message pays once. The digest covers the stored hashes: a changed password
 *         is forgotten at once.
 * Fails:  `verify` rejects when too many wait, or when the hash cannot be computed; a damaged hash fits nothing.
 * Spec:   RFC 9106 (argon2id, §4 parameter choice; OWASP: m=19 MiB, t=2, p=1), RFC 8265 §4 (passwords compare in NFC).
 */
import { argon2, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { formatPhc, type Phc, parsePhc } from "../../crds/password.ts";
import type { Clock } from "../kit/clock.ts";
import { TtlCache } from "../kit/ttl-cache.ts";
import type { VerifyPassword } from "./login.ts";

export type Cost = Pick<Phc, "memory" | "passes" | "parallelism">;
/** What new hashes cost. Hashes that cost something else stay valid. */
export const defaultCost: Cost = { memory: 19_456, passes: 2, parallelism: 1 };

const saltOctets = 16;
const hashOctets = 32;
/** Longer passwords are refused before they are hashed. */
const maxPasswordOctets = 4_096;
const run = promisify(argon2);

const derive = (password: string, { memory, passes, parallelism, salt }: Omit<Phc, "hash">, octets: number) =>
  run("argon2id", {
    message: password.normalize("NFC"),
    nonce: salt,
    memory,
    passes,
    parallelism,
    tagLength: octets,
  });

export async function hashPassword(
  password: string,
  { memory, passes, parallelism }: Cost = defaultCost,
  salt: Buffer = randomBytes(saltOctets),
): Promise<string> {
  const salted = { memory, passes, parallelism, salt };
  return formatPhc({ ...salted, hash: await derive(password, salted, hashOctets) });
}

/** Which of these hashes, all of one salt and cost, the password fits; -1: none. One computation; compares in constant time. */
export async function fitting(password: string, phcs: readonly string[]): Promise<number> {
  const parsed = phcs.map(parsePhc);
  const first = parsed.find((phc) => phc !== undefined);
  if (!first || Buffer.byteLength(password) > maxPasswordOctets) return -1;
  const derived = await derive(password, first, first.hash.length);
  let found = -1;
  for (const [i, phc] of parsed.entries()) if (phc && timingSafeEqual(derived, phc.hash)) found = i;
  return found;
}

/** Indexes of hashes that one computation serves. What is no hash is left out. */
export function groupsOf(phcs: readonly string[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [i, phc] of phcs.entries()) {
    const parsed = parsePhc(phc);
    if (!parsed) continue;
    const { memory, passes, parallelism, salt, hash } = parsed;
    const id = `${memory} ${passes} ${parallelism} ${hash.length} ${salt.toString("base64")}`;
    groups.set(id, [...(groups.get(id) ?? []), i]);
  }
  return [...groups.values()];
}

export interface VerifierOptions {
  readonly clock: Clock;
  /** Hashes computed at once; node's pool of four threads also serves files and names. */
  readonly threads?: number;
  readonly waiting?: number;
  readonly rememberMs?: number;
  readonly remembered?: number;
  /** What the answer for an unknown user costs: as much as new hashes do. */
  readonly cost?: Cost;
  /** What computes; `fitting` unless told otherwise. */
  readonly compute?: typeof fitting;
}

export class PasswordVerifier {
  readonly #clock: Clock;
  readonly #rememberMs: number;
  readonly #right: TtlCache<number>;
  /** By digest: sessions that come at once with the same password share one computation. */
  readonly #running = new Map<string, Promise<number>>();
  readonly #key = randomBytes(32);
  readonly #gate: Gate;
  readonly #fitting: typeof fitting;
  /** Fits no password: its hash is random. */
  readonly #nobody: string;

  constructor(options: VerifierOptions) {
    const { threads = 2, waiting = 1_000, rememberMs = 300_000, remembered = 10_000 } = options;
    const { cost = defaultCost, compute = fitting } = options;
    this.#clock = options.clock;
    this.#rememberMs = rememberMs;
    this.#right = new TtlCache(remembered);
    this.#gate = new Gate(threads, waiting);
    const random = { salt: randomBytes(saltOctets), hash: randomBytes(hashOctets) };
    this.#nobody = formatPhc({ ...cost, ...random });
    this.#fitting = compute;
  }

  /** Costs at least `atLeast` computations unless it fits: with fewer hashes, or none, the rest is done for nothing. */
  readonly verify: VerifyPassword = (hashes, password, atLeast = 1) => {
    const hmac = createHmac("sha256", this.#key);
    for (const hash of hashes) hmac.update(hash).update("\0");
    const digest = hmac.update("\0").update(password).digest("base64");
    const known = this.#right.get(digest, this.#clock.monotonic());
    if (known) return Promise.resolve(known.value);
    const running = this.#running.get(digest) ?? this.#compute(digest, hashes, password, atLeast);
    this.#running.set(digest, running);
    return running;
  };

  async #compute(
    digest: string,
    hashes: readonly string[],
    password: string,
    atLeast: number,
  ): Promise<number> {
    try {
      const found = await this.#search(hashes, password, atLeast);
      const now = this.#clock.monotonic();
      if (found >= 0) this.#right.set(digest, found, now + this.#rememberMs, now);
      return found;
    } finally {
      this.#running.delete(digest);
    }
  }

  async #search(hashes: readonly string[], password: string, atLeast: number): Promise<number> {
    const groups = groupsOf(hashes);
    for (const group of groups) {
      const among = group.map((i) => hashes[i] as string);
      const found = await this.#gate.pass(() => this.#fitting(password, among));
      if (found >= 0) return group[found] as number;
    }
    for (let i = groups.length; i < atLeast; i++)
      await this.#gate.pass(() => this.#fitting(password, [this.#nobody]));
    return -1;
  }
}

/** Lets a few work at once and a bounded number wait, in the order they came. */
class Gate {
  #free: number;
  readonly #places: number;
  readonly #queue: (() => void)[] = [];

  constructor(free: number, places: number) {
    this.#free = free;
    this.#places = places;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free++;
    }
  }

  #turn(): Promise<void> {
    if (this.#queue.length >= this.#places) throw new Error("too many logins wait for their turn");
    return new Promise((resolve) => this.#queue.push(resolve));
  }
}
