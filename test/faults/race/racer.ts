/**
 * One client of the race: takes random turns in three folders of one mailbox until it is told to stop, and enters again
 * whenever it is cut off. It writes down what it attempts before it attempts it.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Dice } from "../chance.ts";
import { type Account, type Place, place } from "./account.ts";
import { Imap, Unknown } from "./imap.ts";

export const folders = ["INBOX", "Archive", "Trash"] as const;
type Folder = (typeof folders)[number];

export interface RaceCourse {
  readonly account: Account;
  readonly user: string;
  readonly password: string;
  /** Of the replica that this client goes to at its n-th entry. */
  readonly port: (entry: number) => number;
  readonly dice: Dice;
  /** Between turns, ms; none when absent. */
  readonly pause?: number;
}

/** A folder holds about so many; beyond it clients remove more than they add. */
const CROWDED = 150;
const named =
  /\* \d+ FETCH \([^{]*?UID (\d+)[^{]*?BODY\[HEADER\.FIELDS \(X-NAME\)\] \{\d+\}\r\nX-Name: (\S+)\r\n/g;

export const messageOf = (name: string): string => `X-Name: ${name}\r\nSubject: race\r\n\r\n${name}\r\n`;

export function* namesIn(answer: string): Iterable<readonly [uid: number, name: string]> {
  for (const [, uid, name = ""] of answer.matchAll(named)) yield [Number(uid), name];
}

export class Racer {
  readonly #course: RaceCourse;
  readonly #name: string;
  #imap: Imap | undefined;
  #folder: Folder = "INBOX";
  #entries = 0;
  #serial = 0;
  /** The highest UID of each folder that this client has heard of, and each folder's UIDVALIDITY. */
  readonly #highest = new Map<string, number>();
  readonly #validity = new Map<string, string>();
  steps = 0;
  cut = 0;
  /** For the end of a command, ms. */
  longestWait = 0;

  constructor(name: string, course: RaceCourse) {
    this.#name = name;
    this.#course = course;
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        await this.#turn();
        this.steps++;
        if (this.#course.pause !== undefined) await delay(this.#course.pause);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        this.cut++;
        if (this.#imap?.over) this.#leave();
        await delay(50);
      }
    }
    this.#leave();
  }

  #leave(): void {
    this.longestWait = Math.max(this.longestWait, this.#imap?.longestWait ?? 0);
    this.#imap?.[Symbol.dispose]();
    this.#imap = undefined;
  }

  async #turn(): Promise<void> {
    const { dice, user, password, port } = this.#course;
    if (!this.#imap || dice.happens(0.1)) {
      this.#imap ??= await Imap.enter(port(this.#entries++), user, password);
      this.#folder = dice.pick([...folders]);
      this.#heard(this.#folder, await this.#imap.command(`SELECT ${this.#folder}`));
    }
    const uids = await this.#uids(this.#imap);
    const some = uids.filter(() => dice.happens(0.3)).slice(0, uids.length > CROWDED ? 40 : 4);
    const chance = dice.next();
    if (some.length === 0 || (chance < 0.45 && uids.length <= CROWDED)) return this.#append(this.#imap);
    await this.#learn(this.#imap, some);
    const known = some.filter((uid) => this.#nameOf(uid) !== undefined);
    if (known.length === 0) return;
    const set = known.join(",");
    if (chance < 0.6 && uids.length <= CROWDED) return this.#copy(this.#imap, known, set);
    if (chance < 0.7) return this.#flag(this.#imap, known, set);
    if (chance < 0.85) return this.#move(this.#imap, known, set);
    return this.#expunge(this.#imap, known, set);
  }

  /** UIDVALIDITY stays, and what is new has a higher UID than all that was there. */
  #heard(folder: Folder, answer: string): void {
    const validity = /\[UIDVALIDITY (\d+)\]/.exec(answer)?.[1];
    const before = this.#validity.get(folder);
    if (validity && before !== undefined && before !== validity)
      this.#course.account.faults.push(`UIDVALIDITY of ${folder} was ${before} and is ${validity}`);
    if (validity) this.#validity.set(folder, validity);
  }

  async #uids(imap: Imap): Promise<number[]> {
    const answer = await imap.command("UID SEARCH ALL");
    const uids = (/^\* SEARCH((?: \d+)*)/m.exec(answer)?.[1] ?? "").split(" ").filter(Boolean).map(Number);
    const before = this.#highest.get(this.#folder) ?? 0;
    this.#highest.set(this.#folder, Math.max(before, uids.at(-1) ?? 0));
    return uids;
  }

  #nameOf = (uid: number) => this.#course.account.nameOf(place(this.#folder, uid));

  async #learn(imap: Imap, uids: readonly number[]): Promise<void> {
    const { account } = this.#course;
    const unknown = uids.filter((uid) => this.#nameOf(uid) === undefined);
    if (unknown.length === 0) return;
    const answer = await imap.command(`UID FETCH ${unknown.join(",")} (BODY.PEEK[HEADER.FIELDS (X-Name)])`);
    for (const [uid, name] of namesIn(answer)) account.saw(place(this.#folder, uid), name);
  }

  /** `\Flagged` is everybody's, the keyword ours alone. */
  async #flag(imap: Imap, uids: readonly number[], set: string): Promise<void> {
    const { account, dice } = this.#course;
    const on = dice.happens(0.5);
    const keyword = `$${this.#name}`;
    const places = uids.map((uid) => place(this.#folder, uid));
    for (const at of places) account.marking(at, keyword);
    await imap.command(`UID STORE ${set} ${on ? "+" : "-"}FLAGS (\\Flagged $k ${keyword})`);
    for (const at of places) account.marked(at, keyword, on);
  }

  async #append(imap: Imap): Promise<void> {
    const { account, dice } = this.#course;
    const names = Array.from({ length: dice.happens(0.2) ? 2 : 1 }, () => `${this.#name}.${this.#serial++}`);
    const folder = dice.pick([...folders]);
    const before = this.#highest.get(folder) ?? 0;
    const bodies = names.map(messageOf).map((text) => ` {${text.length}+}\r\n${text}`);
    let answer: string;
    try {
      answer = await imap.command(`APPEND ${folder}${bodies.join("")}`);
    } catch (error) {
      for (const name of names) account.perhapsMade(name);
      throw error;
    }
    const uids = numbers(/\[APPENDUID \d+ ([\d:,]+)\]/.exec(answer)?.[1]);
    if (uids.length !== names.length) account.faults.push(`APPENDUID is not told: ${answer}`);
    for (const [i, uid] of uids.entries()) {
      if (uid <= before) account.faults.push(`UID ${uid} in ${folder} is not above ${before}`);
      account.appended(names[i] as string, place(folder, uid));
    }
  }

  async #copy(imap: Imap, uids: readonly number[], set: string): Promise<void> {
    const { account, dice } = this.#course;
    const target = dice.pick([...folders]);
    const from = this.#folder;
    let answer: string;
    try {
      answer = await imap.command(`UID COPY ${set} ${target}`);
    } catch (error) {
      for (const uid of uids) account.perhapsMade(this.#nameOf(uid) as string);
      throw error;
    }
    for (const [source, to] of pairs(answer)) account.copied(place(from, source), place(target, to));
  }

  async #move(imap: Imap, uids: readonly number[], set: string): Promise<void> {
    const { account, dice } = this.#course;
    const from = this.#folder;
    const target = dice.pick(folders.filter((name) => name !== from) as [Folder, ...Folder[]]);
    for (const uid of uids) account.moving(place(from, uid));
    const answer = await imap.command(`UID MOVE ${set} ${target}`);
    for (const [source, to] of pairs(answer)) account.moved(place(from, source), place(target, to));
  }

  async #expunge(imap: Imap, uids: readonly number[], set: string): Promise<void> {
    const { account } = this.#course;
    const places: Place[] = uids.map((uid) => place(this.#folder, uid));
    for (const at of places) account.expunging(at);
    await imap.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`);
    await imap.command(`UID EXPUNGE ${set}`);
    for (const at of places) account.expunged(at);
  }
}

/** `1:3,7` */
function numbers(set: string | undefined): number[] {
  return (set ?? "")
    .split(",")
    .filter(Boolean)
    .flatMap((range) => {
      const [from = 0, to = from] = range.split(":").map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

/** Of COPYUID; nothing was there any more when it is missing. */
function pairs(answer: string): [from: number, to: number][] {
  const [, from, to] = /\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]/.exec(answer) ?? [];
  const targets = numbers(to);
  return numbers(from).map((uid, i) => [uid, targets[i] ?? 0]);
}
