/**
 * What a milter answers, parsed.
 *
 * In:     a frame.
 * Out:    an `Answer`; what it means where is the conversation's business.
 * Fails:  `FilterFailed` for a letter that the protocol does not have, or data that does not fit its letter.
 * Spec:   `SMFIR_*` of libmilter, version 6.
 */
import { FilterFailed } from "../filter.ts";
import type { Frame } from "./frames.ts";

export type Answer =
  | { readonly kind: "continue" | "accept" | "reject" | "tempfail" | "discard" | "skip" | "progress" }
  | { readonly kind: "reply"; readonly code: number; readonly enhanced: string; readonly text: string }
  /** Where it was to stand does not matter here. An empty value of a change removes. */
  | { readonly kind: "addField" | "changeField"; readonly name: string; readonly value: string }
  | { readonly kind: "quarantine"; readonly reason: string }
  /** It wants something that we never do to a message. */
  | { readonly kind: "forbidden"; readonly what: string };

const plain: Readonly<Record<string, Answer>> = {
  c: { kind: "continue" },
  a: { kind: "accept" },
  r: { kind: "reject" },
  t: { kind: "tempfail" },
  d: { kind: "discard" },
  s: { kind: "skip" },
  p: { kind: "progress" },
  // Hang up on the client; say that the connection failed.
  "4": { kind: "tempfail" },
  f: { kind: "tempfail" },
};

const forbidden: Readonly<Record<string, string>> = {
  "+": "add a recipient",
  "2": "add a recipient",
  "-": "remove a recipient",
  b: "replace the body",
  e: "change the sender",
};

const indexOctets = 4;

export function parseAnswer({ letter, data }: Frame): Answer {
  const known = plain[letter];
  if (known) return known;
  const what = forbidden[letter];
  if (what !== undefined) return { kind: "forbidden", what };
  switch (letter) {
    case "h":
      return field("addField", data);
    case "i":
      return field("addField", data.subarray(indexOctets));
    case "m":
      return field("changeField", data.subarray(indexOctets));
    case "q":
      return { kind: "quarantine", reason: textsIn(data)[0] ?? "" };
    case "y":
      return replyIn(textsIn(data)[0] ?? "");
    default:
      throw new FilterFailed("it answered with something that the milter protocol does not have");
  }
}

function field(kind: "addField" | "changeField", data: Buffer): Answer {
  const [name, value] = textsIn(data);
  if (name === undefined || value === undefined) throw new FilterFailed("it named no field");
  return { kind, name, value };
}

/** Each ends with NUL; what comes behind the last one is nothing. */
const textsIn = (data: Buffer): readonly string[] => data.toString("latin1").split("\0").slice(0, -1);

/** `550 5.7.1 words`, also with several lines; percent signs come doubled. */
function replyIn(text: string): Answer {
  const lines = text
    .split(/\r?\n/)
    .map((line) => /^([45]\d\d)(?:[ -]|$)(?:(\d\.\d{1,3}\.\d{1,3})(?: |$))?(.*)$/.exec(line));
  const [first] = lines;
  if (!first) throw new FilterFailed("it gave a reply that is none");
  const words = lines.map((line) => line?.[3] ?? "").join(" ");
  return {
    kind: "reply",
    code: Number(first[1]),
    enhanced: first[2] ?? "",
    text: words.replaceAll("%%", "%"),
  };
}
