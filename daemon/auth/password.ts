/**
 * Makes and checks password hashes, without letting a crowd of logins take the memory or the processor.
 *
 * In:     passwords in plain text, hashes as PHC strings.
 * Out:    `hashPassword`, `fits`; `PasswordVerifier.verify`, the port of `login.ts`.
 * Costs:  a hash takes 19 MiB and tens of milliseconds in a thread. At most `threads` run at once, at most `waiting`
 *         wait; a password that was right a short while ago is known by a keyed digest and costs microseconds, so that
 *         a client with a connection per message pays once. The digest covers the stored hash: a changed password is
 *         forgotten at once.
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

export async function hashPassword(password: string, cost: Cost = defaultCost): Promise<string> {
  const salt = randomBytes(saltOctets);
  return formatPhc({ ...cost, salt, hash: await derive(password, { ...cost, salt }, hashOctets) });
}

/** Compares in constant time. */
export async function fits(password: string, phc: string): Promise<boolean> {
  const parsed = parsePhc(phc);
  if (!parsed || Buffer.byteLength(password) > maxPasswordOctets) return false;
  return timingSafeEqual(await derive(password, parsed, parsed.hash.length), parsed.hash);
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
  /** What computes; `fits` unless told otherwise. */
  readonly compute?: typeof fits;
}

export class PasswordVerifier {
  readonly #clock: Clock;
  readonly #rememberMs: number;
  readonly #right: TtlCache<true>;
  /** By digest: sessions that come at once with the same password share one computation. */
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #key = randomBytes(32);
  readonly #gate: Gate;
  readonly #fits: typeof fits;
  /** Fits no password: its hash is random. */
  readonly #nobody: string;

  constructor(options: VerifierOptions) {
    const { threads = 2, waiting = 1_000, rememberMs = 300_000, remembered = 10_000 } = options;
    const { cost = defaultCost, compute = fits } = options;
    this.#clock = options.clock;
    this.#rememberMs = rememberMs;
    this.#right = new TtlCache(remembered);
    this.#gate = new Gate(threads, waiting);
    const random = { salt: randomBytes(saltOctets), hash: randomBytes(hashOctets) };
    this.#nobody = formatPhc({ ...cost, ...random });
    this.#fits = compute;
  }

  /** Without a hash: false, after as long as it takes with one. */
  readonly verify: VerifyPassword = (hash, password) => {
    const phc = hash ?? this.#nobody;
    const digest = createHmac("sha256", this.#key).update(phc).update("\0").update(password).digest("base64");
    if (this.#right.get(digest, this.#clock.monotonic())) return Promise.resolve(true);
    const running = this.#running.get(digest) ?? this.#compute(digest, phc, password);
    this.#running.set(digest, running);
    return running;
  };

  async #compute(digest: string, phc: string, password: string): Promise<boolean> {
    try {
      const right = await this.#gate.pass(() => this.#fits(password, phc));
      const now = this.#clock.monotonic();
      if (right) this.#right.set(digest, true, now + this.#rememberMs, now);
      return right;
    } finally {
      this.#running.delete(digest);
    }
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
