/**
 * What a content filter is shown, and what it may think of it: the port between accepting and the programs that look at
 * messages. `run/filters` implements `Look` with the milter protocol and with rspamd's.
 *
 * Rule:   of a message nothing is changed but that fields are put in front of it. Whatever else a filter asks for is not
 *         done (`milter/opinion.ts` tells what then happens).
 */
import type { FilterEntry } from "../directory/filters.ts";
import type { Address } from "../mail/address.ts";
import type { Origin, Sender } from "../mail/envelope.ts";
import { type Reply, reply } from "../mail/reply.ts";

/** A whole message with its envelope. */
export interface Letter {
  readonly id: string;
  /** Our name. */
  readonly hostname: string;
  readonly origin: Origin;
  readonly sender: Sender;
  /** As they were named; those whom the filter is there for. */
  readonly recipients: readonly Address[];
  readonly size: number;
  /** From the beginning each time: our results field, then the message as it came. */
  octets(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export type Opinion =
  | { readonly kind: "keep" | "junk"; readonly fields: readonly string[] }
  | { readonly kind: "refuse" | "defer"; readonly reply: Reply };

/** Asks a filter. Rejects with `FilterFailed` (or whatever else went wrong) when it has no opinion. */
export type Look = (entry: FilterEntry, letter: Letter) => Promise<Opinion>;

/** The filter did not do what a filter does. */
export class FilterFailed extends Error {
  override readonly name = "FilterFailed";
}

const usual = {
  refuse: reply(550, "5.7.1", "The message was refused by a filter of its recipient's"),
  defer: reply(451, "4.7.1", "A filter of its recipient's asks to try again later"),
} as const;

const textMax = 400;

/**
 * A filter's words to the client. The code says whether it is for good; only 550 and 451 and what is near them make
 * sense after the dot, so that no filter ends the session or says that the message was taken.
 */
export function replyOf(kind: "refuse" | "defer", text = "", code = 0, enhanced = ""): Reply {
  const { code: usualCode, enhanced: usualEnhanced, text: usualText } = usual[kind];
  const words = text
    .replace(/[^ -~]+/g, " ")
    .trim()
    .slice(0, textMax);
  const fits = kind === "refuse" ? /^55\d$/ : /^45\d$/;
  const status = kind === "refuse" ? /^5\.\d{1,3}\.\d{1,3}$/ : /^4\.\d{1,3}\.\d{1,3}$/;
  return reply(
    fits.test(`${code}`) ? code : usualCode,
    status.test(enhanced) ? enhanced : usualEnhanced,
    words === "" ? usualText : words,
  );
}
