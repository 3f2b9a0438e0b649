/**
 * Signs what leaves: for each job the DKIM fields to put in front of its message.
 *
 * In:     a job and its body; the directory for keys, the DNS for which of them are published.
 * Out:    octets to send before the message; none when no domain of ours signs it. At once (`undefined`) where no domain
 *         has keys. A message with several jobs, or that is tried again, is signed once.
 * Fails:  with what reading the body throws.
 * Memory: a stream is read through, never held; the fields of the newest `kept` messages are.
 */
import type { Directory, LiveDirectory } from "../../directory/directory.ts";
import type { Clock } from "../../kit/clock.ts";
import type { SigningOrder } from "../../mail/dkim/sign.ts";
import { signMessage } from "../../mail/dkim/sign-message.ts";
import type { Job, Queued } from "../../queue/job.ts";
import type { Queue } from "../../queue/queue.ts";
import type { PublishedKeys } from "./published-keys.ts";
import { isForward, signingDomain } from "./signing-domain.ts";

export interface SignerOptions {
  readonly directory: Pick<LiveDirectory, "current">;
  readonly keys: Pick<PublishedKeys, "of">;
  readonly queue: Pick<Queue, "body">;
  readonly clock: Pick<Clock, "now">;
}

const kept = 1_000;

/** What we found of a message that we pass on is sealed; `prepend` begins with our results field. RFC 8617 §5.1 */
function sealOf(job: Pick<Job, "origin" | "prepend">): Pick<SigningOrder, "seal"> {
  const results = isForward(job)
    ? /^Authentication-Results:((?:[^\r]|\r\n[ \t])*\r\n)/.exec(job.prepend ?? "")?.[1]
    : undefined;
  if (results === undefined) return {};
  const found = /;\s+arc=(\w+)/.exec(results)?.[1] ?? "none";
  return { seal: { results, chain: found === "pass" || found === "none" ? found : "fail" } };
}

export class Signer {
  readonly #o: SignerOptions;
  /** By message and policy, the newest last. */
  readonly #signed = new Map<string, Promise<Uint8Array>>();
  #directory: Directory | undefined;
  #anyKeys = false;

  constructor(options: SignerOptions) {
    this.#o = options;
  }

  /** `undefined`: nothing is signed here. `added`: fields that we put in front ourselves, signed with the others. */
  fields(queued: Queued, added: string, signal: AbortSignal): Promise<Uint8Array> | undefined {
    const directory = this.#o.directory.current();
    if (directory !== this.#directory) this.#look(directory);
    if (!this.#anyKeys) return undefined;
    const { message, policy, recipients } = queued.job;
    const id = `${message} ${policy} ${recipients[0]?.orcpt?.address ?? ""} ${added}`;
    const known = this.#signed.get(id);
    if (known !== undefined) return known;
    const made = this.#make(queued, directory, added, signal);
    this.#keep(id, made);
    return made;
  }

  async #make(queued: Queued, directory: Directory, added: string, signal: AbortSignal): Promise<Uint8Array> {
    const { keys, queue, clock } = this.#o;
    const choose = async (fields: readonly string[]): Promise<SigningOrder | undefined> => {
      const entry = signingDomain(queued.job, fields, directory);
      if (entry === undefined) return undefined;
      const found = await keys.of(entry);
      if (found.length === 0) return undefined;
      return { domain: entry.domain, keys: found, at: clock.now(), ...sealOf(queued.job) };
    };
    const text = await signMessage(queued.inline ?? queue.body(queued, signal), choose, added);
    return Buffer.from(text, "latin1");
  }

  #keep(id: string, made: Promise<Uint8Array>): void {
    this.#signed.set(id, made);
    made.catch(() => this.#signed.delete(id));
    if (this.#signed.size <= kept) return;
    for (const oldest of this.#signed.keys()) {
      this.#signed.delete(oldest);
      break;
    }
  }

  /** Other keys make other signatures. */
  #look(directory: Directory): void {
    this.#directory = directory;
    this.#signed.clear();
    this.#anyKeys = [...directory.domains()].some(({ dkim }) => dkim.length > 0);
  }
}
