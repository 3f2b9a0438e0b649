/**
 * What a mailbox's Sieve script makes of a message, in terms of delivery.
 *
 * In:     a recipient of a local job, whose mailbox may have a script: the one that its user made active by ManageSieve, or
 *         else the one of its resource.
 * Out:    where copies are filed, what is sent (messages that go on, automatic answers), or a refusal; `undefined` where
 *         there is no script. Nothing was filed or sent yet; the memory of an answer is noted.
 * Fails:  a script that cannot be read, or whose run fails, keeps the message in INBOX, and the log says why. The store's and
 *         the queue's faults pass.
 * Loops:  a message that went on from this mailbox before (Delivered-To), or went on too often, is kept instead.
 * Spec:   RFC 5228 §2.10.6 (errors), §10 (redirect loops), RFC 5429 §2.1 (a refusal after acceptance is a DSN).
 */
import type { Directory, MailboxEntry } from "../../directory/directory.ts";
import type { Log } from "../../kit/log.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import { type Address, domainOf } from "../../mail/address.ts";
import type { Recipient } from "../../mail/envelope.ts";
import { scanHeaders } from "../../mail/headers.ts";
import type { Outgoing } from "../../mail/outcome.ts";
import { folderName, newFolderName } from "../../mailbox/names.ts";
import type { ScriptStore } from "../../mailbox/scripts.ts";
import type { MailboxStore } from "../../mailbox/store.ts";
import type { Queued } from "../../queue/job.ts";
import type { Queue } from "../../queue/queue.ts";
import { compile } from "../../sieve/compile.ts";
import { SieveFault } from "../../sieve/fault.ts";
import type { SubaddressOf } from "../../sieve/parts.ts";
import { type Decision, type Filing, runScript } from "../../sieve/run.ts";
import type { Script } from "../../sieve/script.ts";
import { Letter, letterOctets } from "./letter.ts";
import { answerTo, vacationKey, vacationMessage } from "./vacation.ts";

export interface FilterParts {
  readonly scripts: Pick<ScriptStore, "activeScript" | "note">;
  readonly store: Pick<MailboxStore, "status">;
  readonly queue: Pick<Queue, "body" | "newId">;
  /** In message ids of answers. */
  readonly hostname: string;
  readonly log: Log;
}

export interface Arrival {
  readonly queued: Queued;
  readonly recipient: Recipient;
  readonly entry: MailboxEntry;
  readonly directory: Directory;
  /** Lines that this mailbox's copy begins with. */
  readonly prefix: string;
  /** The same for every attempt. */
  readonly deliveryId: string;
  readonly now: number;
  readonly signal: AbortSignal;
}

export interface Treatment {
  readonly filings: readonly { readonly folder: string; readonly flags: readonly string[] }[];
  readonly sends: readonly Outgoing[];
  readonly reject: string | undefined;
}

/** Steps from one host of ours to the next. */
const mostHops = 10;
const headOctets = 256 << 10;
const compiledKept = 1_000;
const forEver = Number.MAX_SAFE_INTEGER;
const inbox = "INBOX";

export class Filter {
  readonly #parts: FilterParts;
  /** By text: a fault is remembered as well. */
  readonly #compiled = new TtlCache<Script | SieveFault>(compiledKept);

  constructor(parts: FilterParts) {
    this.#parts = parts;
  }

  async treat(arrival: Arrival): Promise<Treatment | undefined> {
    const { entry } = arrival;
    const text = (await this.#parts.scripts.activeScript(entry.mailbox)) ?? entry.spec.sieve;
    const script = text === undefined ? undefined : this.#script(text);
    if (script === undefined) return undefined;
    if (script instanceof SieveFault) return this.#failed(arrival, script);
    const letter = await this.#letter(arrival);
    let decision: Decision;
    try {
      decision = await runScript(script, letter);
    } catch (error) {
      if (error instanceof SieveFault) return this.#failed(arrival, error);
      throw error;
    }
    return this.#treatment(decision, letter, arrival);
  }

  #script(text: string): Script | SieveFault {
    const known = this.#compiled.get(text, 0);
    if (known) return known.value;
    const made = compiled(text);
    this.#compiled.set(text, made, forEver, 0);
    return made;
  }

  #failed({ entry, queued }: Arrival, fault: SieveFault): undefined {
    const { mailbox } = entry;
    this.#parts.log.warn(
      { mailbox, message: queued.job.message, why: fault.message },
      "a Sieve script failed; the message is kept",
    );
  }

  async #letter({ queued, recipient, entry, directory, prefix, signal }: Arrival): Promise<Letter> {
    const { queue, store } = this.#parts;
    const { job } = queued;
    const head = await beginning(
      queue.body(queued, signal),
      headOctets,
      (octets) => !scanHeaders(octets).endless,
    );
    return new Letter({
      head: Buffer.concat([Buffer.from(prefix), head]),
      whole: () => beginning(queue.body(queued, signal), letterOctets, () => false),
      size: job.body.size,
      envelope: { from: job.sender.path, to: recipient.address },
      mailboxExists: async (name) => (await this.#folders(store, entry, signal)).has(folderName(name)),
      subaddress: subaddressIn(directory),
    });
  }

  async #folders(
    store: FilterParts["store"],
    { mailbox }: MailboxEntry,
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const status = await store.status(mailbox, signal);
    return new Set([inbox, ...(status?.folders ?? []).map(({ name }) => name)]);
  }

  async #treatment(decision: Decision, letter: Letter, arrival: Arrival): Promise<Treatment> {
    const filings = await this.#places(decision.filings, arrival);
    const { copies, looped } = this.#copies(decision.redirects, letter, arrival);
    if (looped && !filings.has(inbox)) filings.set(inbox, []);
    const answer = await this.#answer(decision, letter, arrival);
    return {
      filings: [...filings].map(([folder, flags]) => ({ folder, flags })),
      sends: answer ? [...copies, answer] : copies,
      reject: decision.reject,
    };
  }

  /** What cannot be filed where the script says, is filed in INBOX. */
  async #places(filings: readonly Filing[], arrival: Arrival): Promise<Map<string, readonly string[]>> {
    const places = new Map<string, readonly string[]>();
    let known: ReadonlySet<string> | undefined;
    for (const { folder, flags, create } of filings) {
      const named = newFolderName(folder);
      let place = "name" in named ? named.name : inbox;
      if (place !== inbox && !create) {
        known ??= await this.#folders(this.#parts.store, arrival.entry, arrival.signal);
        if (!known.has(place)) place = inbox;
      }
      places.set(place, flags);
    }
    return places;
  }

  #copies(
    redirects: readonly string[],
    letter: Letter,
    { queued, recipient, entry }: Arrival,
  ): { readonly copies: readonly Outgoing[]; readonly looped: boolean } {
    if (redirects.length === 0) return { copies: [], looped: false };
    // The first Delivered-To is the one that this copy begins with.
    const been = letter
      .header("delivered-to")
      .slice(1)
      .map((value) => value.toLowerCase());
    const looped = been.includes(recipient.address.toLowerCase()) || (queued.job.hops ?? 0) >= mostHops;
    if (looped) {
      const { mailbox } = entry;
      this.#parts.log.warn(
        { mailbox, message: queued.job.message },
        "a message that came back is not sent on again",
      );
      return { copies: [], looped };
    }
    const prefix = `Delivered-To: ${recipient.address}\r\n`;
    return {
      copies: [{ kind: "copy", by: recipient.address, to: redirects as readonly Address[], prefix }],
      looped,
    };
  }

  async #answer({ vacation }: Decision, letter: Letter, arrival: Arrival): Promise<Outgoing | undefined> {
    if (!vacation) return undefined;
    const { entry, deliveryId, now } = arrival;
    const to = answerTo(vacation, letter, [entry.address, ...entry.aliases]);
    if (to === undefined) return undefined;
    const key = vacationKey(vacation, to);
    const first = await this.#parts.scripts.note(entry.mailbox, key, deliveryId, vacation.days);
    if (!first) return undefined;
    const messageId = `${this.#parts.queue.newId()}@${this.#parts.hostname}`;
    const octets = vacationMessage({ vacation, message: letter, to, own: entry.address, messageId, now });
    return { kind: "message", to: [to], octets };
  }
}

function compiled(text: string): Script | SieveFault {
  try {
    return compile(text);
  } catch (error) {
    if (error instanceof SieveFault) return error;
    throw error;
  }
}

/** As much as there is, up to `most`, or until `enough` says so. */
async function beginning(
  body: AsyncIterable<Uint8Array>,
  most: number,
  enough: (octets: Buffer) => boolean,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size >= most || (piece.includes(10) && hasHeaderEnd(pieces) && enough(Buffer.concat(pieces)))) break;
  }
  return Buffer.concat(pieces).subarray(0, most);
}

/** Looks at what came last and a little before it. */
const hasHeaderEnd = (pieces: readonly Uint8Array[]): boolean =>
  /\n\r?\n/.test(Buffer.concat(pieces.slice(-2)).toString("latin1"));

const subaddressIn =
  (directory: Directory): SubaddressOf =>
  (local, domain) => {
    const separator = directory.domain(domainOf(`${local}@${domain.toLowerCase()}` as Address))?.spec
      .plusAddressing.separator;
    const at = separator ? local.indexOf(separator) : local.indexOf("+");
    return at < 1 ? undefined : { user: local.slice(0, at), detail: local.slice(at + 1) };
  };
