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

/** Whose mail, at which port, and where it goes. */
type Errand = Pick<Collector, "address" | "found"> & { readonly port: number };

const collector = (collect: (errand: Errand, stop: AbortSignal) => Promise<void>) => {
  return (address: string, port: number): Collector => {
    const found: Found = { ids: [], damaged: [], reported: [] };
    return { address, found, run: (stop) => collect({ address, port, found }, stop) };
  };
};

/** A session is left and a new one begun after so many rounds. */
const ROUNDS = 30;
const AT_ONCE = 20;
const IDLE_MS = 5_000;

const rest = (stop: AbortSignal) => delay(IDLE_MS, undefined, { signal: stop }).catch(() => {});

/** SELECT, FETCH, STORE, EXPUNGE, and IDLE when there is nothing. */
export const imapCollector = collector(async (errand, stop) => {
  while (!(await readByImap(errand, stop)));
});

/** True when it is done for good. */
async function readByImap({ address, port, found }: Errand, stop: AbortSignal): Promise<boolean> {
  using imap = await Imap.enter(port, address, password);
  await imap.command("SELECT INBOX");
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await imap.command("UID SEARCH ALL");
    const uids = (/^\* SEARCH((?: \d+)*)/m.exec(answer)?.[1] ?? "").split(" ").filter(Boolean);
    if (uids.length > 0) await take(imap, uids.slice(0, AT_ONCE).join(","), found);
    else if (stop.aborted) return true;
    else await wait(imap, stop);
  }
  await imap.command("LOGOUT").catch(() => {}); // BYE comes before its OK
  return false;
}

async function take(imap: Imap, set: string, found: Found): Promise<void> {
  const answer = await imap.command(`UID FETCH ${set} (UID BODY.PEEK[])`);
  for (const message of literals(answer)) sort(message, found);
  await imap.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`);
  await imap.command(`UID EXPUNGE ${set}`);
}

async function wait(imap: Imap, stop: AbortSignal): Promise<void> {
  const { promise: news, resolve } = Promise.withResolvers<void>();
  imap.onNews = () => resolve();
  const idling = await imap.idle();
  await Promise.race([news, rest(stop)]);
  await idling.done();
}

/** The texts of `BODY[]` in an answer. */
function* literals(answer: string): Iterable<Buffer> {
  for (const { 0: head, 1: octets, index } of answer.matchAll(/BODY\[\] \{(\d+)\}\r\n/g)) {
    const from = index + head.length;
    yield Buffer.from(answer.slice(from, from + Number(octets)), "latin1");
  }
}

/** Comes every few seconds, takes what is there, and goes. */
export const pop3Collector = collector(async (errand, stop) => {
  for (;;) {
    const last = stop.aborted;
    const count = await readByPop3(errand);
    if (last && count === 0) return;
    if (!last) await rest(stop);
  }
});

/** How many there were. */
async function readByPop3({ address, port, found }: Errand): Promise<number> {
  await using client = await Pop3Client.connectSecurely(port);
  mustBeFine(await client.login(address, password));
  const count = Number(/^\+OK (\d+)/.exec(mustBeFine(await client.ask("STAT")))?.[1]);
  for (let n = 1; n <= count; n++) {
    const answer = mustBeFine(await client.askLong(`RETR ${n}`));
    // No line of ours begins with a dot.
    sort(Buffer.from(answer.slice(answer.indexOf("\n") + 1), "latin1"), found);
    mustBeFine(await client.ask(`DELE ${n}`));
  }
  mustBeFine(await client.ask("QUIT"));
  return count;
}

function mustBeFine(answer: string): string {
  if (!answer.startsWith("+OK")) throw new Error(`POP3 says ${answer}`);
  return answer;
}
