/**
 * The octets of many messages, one after the other, as fast as the store gives them.
 *
 * Small messages come in pages, a request each, and the next pages are under way while one is worked on; of a large
 * message only what is asked for is read, when it is asked for.
 *
 * Limits: what is held at once; a message that was removed meanwhile fails when it is read.
 */

import type { Range } from "../mailbox/digest.ts";
import { isSmall } from "../mailbox/folder-view.ts";
import type { FolderView, Message } from "../mailbox/view.ts";
import { Ahead } from "./ahead.ts";

/** A message's octets: all of them in memory, or to be read from the store. */
export interface Octets {
  readonly all: Buffer | undefined;
  /** Those within the range. */
  read(range: Range): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const page = { messages: 50, octets: 256 << 10 };
/** Pages, and octets, that are under way at once. */
const ahead = { count: 4, weight: 1 << 20 };

interface Page {
  readonly messages: Message[];
  octets: number;
  readonly how: How;
  /** The place of its first message. */
  readonly from: number;
}

type How = "known" | "small" | "large";

/**
 * A page after the other; in all, one for each message, in their order. `known`: what the caller has of them already, by
 * place.
 */
export async function* octetsOf(
  view: FolderView,
  messages: readonly Message[],
  signal: AbortSignal,
  known: readonly (Buffer | undefined)[] = [],
): AsyncGenerator<readonly Octets[], void, void> {
  const load = async ({ how, messages: some, from }: Page): Promise<readonly Octets[]> => {
    const found = how === "small" ? await view.octets(some, signal) : known.slice(from, from + some.length);
    return some.map((message, i) => octetsFrom(view, message, found[i], signal));
  };
  const queue = new Ahead([...pages(messages, known)], load, ({ octets }) => octets, ahead);
  for (let some = await queue.next(); some !== undefined; some = await queue.next()) yield some;
}

function* pages(messages: readonly Message[], known: readonly (Buffer | undefined)[]): Iterable<Page> {
  let open: Page | undefined;
  for (const [from, message] of messages.entries()) {
    const how: How = known[from] ? "known" : isSmall(message) ? "small" : "large";
    const octets = how === "small" ? message.size : 0;
    const full =
      open?.how !== how || open.messages.length === page.messages || open.octets + octets > page.octets;
    if (open && full) yield open;
    if (open === undefined || full) open = { messages: [], octets: 0, how, from };
    open.messages.push(message);
    open.octets += octets;
  }
  if (open) yield open;
}

function octetsFrom(
  view: FolderView,
  message: Message,
  all: Buffer | undefined,
  signal: AbortSignal,
): Octets {
  if (all)
    return { all, read: ({ offset, size }) => (size === 0 ? [] : [all.subarray(offset, offset + size)]) };
  return {
    all: undefined,
    read: (range) =>
      range.size === 0 ? [] : view.read(message, isAll(range, message) ? undefined : range, signal),
  };
}

const isAll = ({ offset, size }: Range, message: Message) => offset === 0 && size === message.size;
