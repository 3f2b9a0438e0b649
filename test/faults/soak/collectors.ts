/**
 * Users who read their mail and remove it, for as long as the soak lasts: so mailboxes stay small while mail comes, and what
 * was read is what the books are held against in the end.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Pop3Client } from "../../harness/pop3-client.ts";
import { type Found, sort } from "../mail-found.ts";
import { Imap } from "../race/imap.ts";
import { password } from "./fleet.ts";

export interface Collector {
  readonly address: string;
  readonly found: Found;
  /** Resolves when it was told to stop and the mailbox is empty. */
  run(stop: AbortSignal): Promise<void>;
}

export const nothingYet = (): Found => ({ ids: [], damaged: [], reported: [] });

/** A session is left and a new one begun after so many rounds. */
const ROUNDS = 30;
const AT_ONCE = 20;
const IDLE_MS = 5_000;

/** SELECT, FETCH, STORE, EXPUNGE, and IDLE when there is nothing. */
export class ImapCollector implements Collector {
  readonly address: string;
  readonly found = nothingYet();
  readonly #port: number;

  constructor(address: string, port: number) {
    this.address = address;
    this.#port = port;
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!(await this.#session(stop)));
  }

  /** True when it is done for good. */
  async #session(stop: AbortSignal): Promise<boolean> {
    using imap = await Imap.enter(this.#port, this.address, password);
    await imap.command("SELECT INBOX");
    for (let round = 0; round < ROUNDS; round++) {
      const answer = await imap.command("UID SEARCH ALL");
      const uids = (/^\* SEARCH((?: \d+)*)/m.exec(answer)?.[1] ?? "").split(" ").filter(Boolean);
      if (uids.length > 0) await this.#take(imap, uids.slice(0, AT_ONCE).join(","));
      else if (stop.aborted) return true;
      else await wait(imap, stop);
    }
    await imap.command("LOGOUT").catch(() => {}); // BYE comes before its OK
    return false;
  }

  async #take(imap: Imap, set: string): Promise<void> {
    const answer = await imap.command(`UID FETCH ${set} (UID BODY.PEEK[])`);
    for (const message of literals(answer)) sort(message, this.found);
    await imap.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`);
    await imap.command(`UID EXPUNGE ${set}`);
  }
}

async function wait(imap: Imap, stop: AbortSignal): Promise<void> {
  const { promise: news, resolve } = Promise.withResolvers<void>();
  imap.onNews = () => resolve();
  const idling = await imap.idle();
  await Promise.race([news, delay(IDLE_MS, undefined, { signal: stop }).catch(() => {})]);
  await idling.done();
}

/** The texts of `BODY[]` in an answer. */
export function* literals(answer: string): Iterable<Buffer> {
  for (const { 0: head, 1: octets, index } of answer.matchAll(/BODY\[\] \{(\d+)\}\r\n/g)) {
    const from = index + head.length;
    yield Buffer.from(answer.slice(from, from + Number(octets)), "latin1");
  }
}

/** Comes every few seconds, takes what is there, and goes. */
export class Pop3Collector implements Collector {
  readonly address: string;
  readonly found = nothingYet();
  readonly #port: number;

  constructor(address: string, port: number) {
    this.address = address;
    this.#port = port;
  }

  async run(stop: AbortSignal): Promise<void> {
    for (;;) {
      const last = stop.aborted;
      const count = await this.#session();
      if (last && count === 0) return;
      if (!last) await delay(IDLE_MS, undefined, { signal: stop }).catch(() => {});
    }
  }

  async #session(): Promise<number> {
    await using client = await Pop3Client.connectSecurely(this.#port);
    mustBeFine(await client.login(this.address, password));
    const count = Number(/^\+OK (\d+)/.exec(mustBeFine(await client.ask("STAT")))?.[1]);
    for (let n = 1; n <= count; n++) {
      const answer = mustBeFine(await client.askLong(`RETR ${n}`));
      // No line of ours begins with a dot.
      sort(Buffer.from(answer.slice(answer.indexOf("\n") + 1), "latin1"), this.found);
      mustBeFine(await client.ask(`DELE ${n}`));
    }
    mustBeFine(await client.ask("QUIT"));
    return count;
  }
}

function mustBeFine(answer: string): string {
  if (!answer.startsWith("+OK")) throw new Error(`POP3 says ${answer}`);
  return answer;
}
