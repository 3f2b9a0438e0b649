/**
 * The selected folder as this client knows it: message numbers, and what changed that it has not been told.
 *
 * In:     a live view; sets of numbers or UIDs.
 * Out:    messages by number; untagged EXISTS, EXPUNGE or VANISHED, FETCH, FLAGS when the protocol allows them.
 * Limits: one reference per message; the messages themselves are shared by all sessions of the mailbox.
 * Spec:   RFC 9051 §2.3.1.2 (numbers), §7.5 (when they may change), RFC 7162 §3.2.10 (VANISHED), RFC 5182 (`$`).
 */
import type { FolderChange, FolderView, Message } from "../../mailbox/view.ts";
import { syntax } from "../answer.ts";
import { largest, type SequenceSet } from "../command/sequence-set.ts";
import { ranges } from "../wire/encode.ts";
import { ReadAhead } from "./read-ahead.ts";
import { apart, isWithin, placesOf, type Span } from "./spans.ts";

export interface Telling {
  /** EXPUNGE may be told. */
  readonly expunges: boolean;
  /** VANISHED in place of EXPUNGE. */
  readonly qresync: boolean;
  /** MODSEQ with every FETCH. */
  readonly condstore: boolean;
}

const system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

export class Selected {
  readonly view: FolderView;
  readonly readOnly: boolean;
  /** For clients that fetch whole messages one by one. */
  readonly ahead: ReadAhead;
  /** UIDs that the last SEARCH with SAVE found, rising. */
  saved: readonly number[] = [];
  /** In UID order: index + 1 is the message's number. */
  #messages: Message[];
  #arrived: Message[] = [];
  #vanished = new Set<number>();
  #changed = new Map<number, Message>();
  #keywords: Set<string>;
  #newKeywords = false;
  #deleted = false;
  readonly #unlisten: () => void;

  /** `onChange`: there is something to tell. */
  constructor(view: FolderView, readOnly: boolean, onChange: () => void) {
    this.view = view;
    this.readOnly = readOnly;
    this.#messages = view.messages.slice();
    this.ahead = new ReadAhead(view, (place) => this.#messages[place]);
    this.#keywords = new Set(view.keywords());
    this.#unlisten = view.listen((change) => {
      this.#note(change);
      onChange();
    });
  }

  get count(): number {
    return this.#messages.length;
  }

  /** The folder does not exist any more. */
  get deleted(): boolean {
    return this.#deleted;
  }

  /** By number - 1. */
  at(index: number): Message {
    return this.#messages[index] as Message;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** The place of a UID, or -1. */
  indexOf(uid: number): number {
    const index = this.#lowerBound(uid);
    return this.#messages[index]?.uid === uid ? index : -1;
  }

  /** Places, rising. A number that is not in use is the client's fault; a UID that is not in use is passed over. */
  resolve(set: SequenceSet, uid: boolean): number[] {
    if (set.kind === "saved") return this.saved.map((u) => this.indexOf(u)).filter((index) => index >= 0);
    return placesOf(this.#spans(set.ranges, uid));
  }

  /** Whether the set names the message of a UID that is here. */
  member(set: SequenceSet, uid: boolean): (uid: number) => boolean {
    if (set.kind === "saved") {
      const saved = new Set(this.saved);
      return (one) => saved.has(one);
    }
    const spans = this.#spans(set.ranges, uid);
    return (one) => isWithin(spans, this.indexOf(one));
  }

  #spans(named: Extract<SequenceSet, { kind: "ranges" }>["ranges"], uid: boolean): Span[] {
    return apart(named.map(([from, to]) => (uid ? this.#uidSpan(from, to) : this.#numberSpan(from, to))));
  }

  /** UIDs of the client's view within the set, also those whose message is gone. For VANISHED (EARLIER). */
  includes(set: SequenceSet, uid: number): boolean {
    if (set.kind === "saved") return this.saved.includes(uid);
    const last = this.#messages.at(-1)?.uid ?? 0;
    return set.ranges.some(([from, to]) => {
      const end = to === largest ? Math.max(last, from === largest ? last : from) : to;
      const start = from === largest ? last : from;
      return (uid >= Math.min(start, end) && uid <= Math.max(start, end)) || (to === largest && uid >= start);
    });
  }

  /** FLAGS as the folder has them. */
  flagNames(): string {
    return [...system, ...this.#keywords].join(" ");
  }

  /** The client has been told the message as it is here. */
  told(message: Message): void {
    const waiting = this.#changed.get(message.uid);
    if (waiting !== undefined && waiting.modseq <= message.modseq) this.#changed.delete(message.uid);
  }

  /** Whether there is anything that `changes` would tell. */
  get hasNews(): boolean {
    return (
      this.#arrived.length > 0 ||
      this.#vanished.size > 0 ||
      this.#changed.size > 0 ||
      this.#newKeywords ||
      this.#deleted
    );
  }

  /** Untagged responses, each with CRLF, for what the client does not know yet. */
  changes(telling: Telling): string {
    let text = "";
    if (telling.expunges && this.#vanished.size > 0) text += this.#tellVanished(telling.qresync);
    if (this.#arrived.length > 0) text += this.#tellArrived();
    text += this.newKeywords();
    if (this.#changed.size > 0) text += this.#tellChanged(telling.condstore);
    return text;
  }

  /** Keywords that the client has not heard of come before the messages that have them. */
  newKeywords(): string {
    if (!this.#newKeywords) return "";
    this.#newKeywords = false;
    const names = this.flagNames();
    const permanent = this.readOnly ? "" : `* OK [PERMANENTFLAGS (${names} \\*)] Keywords may be added\r\n`;
    return `* FLAGS (${names})\r\n${permanent}`;
  }

  close(): void {
    this.#unlisten();
    this.ahead[Symbol.dispose]();
    this.view[Symbol.dispose]();
  }

  #note(change: FolderChange): void {
    switch (change.kind) {
      case "exists":
        for (const message of change.messages) {
          this.#arrived.push(message);
          this.#noteKeywords(message);
        }
        break;
      case "flags":
        for (const message of change.messages) this.#noteFlags(message);
        break;
      case "vanished":
        for (const uid of change.uids) this.#noteVanished(uid);
        break;
      case "deleted":
        this.#deleted = true;
    }
  }

  #noteFlags(message: Message): void {
    this.#noteKeywords(message);
    const index = this.indexOf(message.uid);
    if (index >= 0) {
      this.#messages[index] = message;
      this.#changed.set(message.uid, message);
      return;
    }
    const waiting = this.#arrived.findIndex(({ uid }) => uid === message.uid);
    if (waiting >= 0) this.#arrived[waiting] = message;
  }

  #noteKeywords({ flags }: Message): void {
    for (const flag of flags) {
      if (flag.startsWith("\\") || this.#keywords.has(flag)) continue;
      this.#keywords.add(flag);
      this.#newKeywords = true;
    }
  }

  #noteVanished(uid: number): void {
    this.#changed.delete(uid);
    if (this.indexOf(uid) >= 0) this.#vanished.add(uid);
    else this.#arrived = this.#arrived.filter((message) => message.uid !== uid);
  }

  #tellVanished(qresync: boolean): string {
    const gone = this.#vanished;
    this.#vanished = new Set();
    let text = "";
    if (qresync) text = `* VANISHED ${ranges([...gone].sort((a, b) => a - b))}\r\n`;
    // From the last to the first, so that no number changes before it is told.
    else
      for (let index = this.#messages.length - 1; index >= 0; index--)
        if (gone.has(this.at(index).uid)) text += `* ${index + 1} EXPUNGE\r\n`;
    this.#messages = this.#messages.filter(({ uid }) => !gone.has(uid));
    this.saved = this.saved.filter((uid) => !gone.has(uid));
    return text;
  }

  #tellArrived(): string {
    for (const message of this.#arrived) this.#messages.push(message);
    this.#arrived = [];
    return `* ${this.#messages.length} EXISTS\r\n`;
  }

  #tellChanged(condstore: boolean): string {
    let text = "";
    for (const { uid, flags, modseq } of this.#changed.values()) {
      const number = this.indexOf(uid) + 1;
      const extra = condstore ? ` MODSEQ (${modseq})` : "";
      text += `* ${number} FETCH (UID ${uid} FLAGS (${flags.join(" ")})${extra})\r\n`;
    }
    this.#changed.clear();
    return text;
  }

  /** The first place whose UID is not below `uid`. */
  #lowerBound(uid: number): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#messages[middle]?.uid ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** `n:*` always holds the last message, also when n is beyond it. RFC 9051 §9 (`seq-range`) */
  #uidSpan(from: number, to: number): [number, number] {
    const last = this.#messages.at(-1)?.uid ?? 0;
    const first = Math.min(from === largest ? last : from, to === largest ? last : to);
    const end = Math.max(from === largest ? last : from, to === largest ? last : to);
    return [this.#lowerBound(first), this.#lowerBound(end + 1)];
  }

  #numberSpan(from: number, to: number): [number, number] {
    const last = this.#messages.length;
    const ends = [from, to].map((n) => (n === largest ? last : n));
    const first = Math.min(...ends);
    const end = Math.max(...ends);
    if (first < 1 || end > last) throw syntax("No message has this number");
    return [first - 1, end];
  }
}
