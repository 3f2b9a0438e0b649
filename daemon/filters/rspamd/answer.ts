/**
 * Reads what rspamd answers.
 *
 * In:     the text of its answer.
 * Out:    an opinion; its score in `X-Spam-Status`, and the fields that it wants to add, in their order.
 * Fails:  `FilterFailed` for what is no answer of rspamd's. Nothing of the text comes into the error: it may be another
 *         server's.
 * Spec:   rspamd's protocol, `/checkv2`: actions, `messages.smtp_message`, `milter.add_headers`, `milter.reject`.
 */
import { Fields } from "../fields.ts";
import { FilterFailed, type Opinion, replyOf } from "../filter.ts";

export function parseRspamd(text: string): Opinion {
  const answer = record(json(text));
  const action = answer?.["action"];
  if (typeof action !== "string") throw new FilterFailed("it does not answer as rspamd does");
  const milter = record(answer?.["milter"]) ?? {};
  const words = record(answer?.["messages"])?.["smtp_message"];
  const said = typeof words === "string" ? words : undefined;
  const kind = kindOf(action, milter["reject"]);
  if (kind === "refuse" || kind === "defer") return { kind, reply: replyOf(kind, said) };
  const fields = new Fields();
  fields.add("X-Spam-Status", status(kind, action, answer ?? {}));
  for (const [name, value] of added(milter["add_headers"])) fields.add(name, value);
  return { kind, fields: fields.all };
}

/** Actions that people define themselves say nothing to us. */
function kindOf(action: string, instead: unknown): Opinion["kind"] {
  switch (action) {
    case "reject":
      return instead === "quarantine" ? "junk" : "refuse";
    case "discard":
      return "refuse";
    case "soft reject":
    case "greylist":
      return "defer";
    case "add header":
    case "rewrite subject":
    case "quarantine":
      return "junk";
    default:
      return "keep";
  }
}

function status(kind: "keep" | "junk", action: string, answer: Readonly<Record<string, unknown>>): string {
  const number = (value: unknown) =>
    typeof value === "number" && Number.isFinite(value) ? value.toFixed(2) : "?";
  const score = `score=${number(answer["score"])} required=${number(answer["required_score"])}`;
  return `${kind === "junk" ? "Yes" : "No"}, ${score}\n action="${action.slice(0, 40).replaceAll('"', "")}"`;
}

/** A value is a text, or a text with its place, or several of either. */
function added(headers: unknown): [string, string][] {
  const all = Object.entries(record(headers) ?? {}).flatMap(([name, given]) =>
    [given].flat().flatMap((each): { name: string; value: string; order: number }[] => {
      if (typeof each === "string") return [{ name, value: each, order: 0 }];
      const { value, order } = record(each) ?? {};
      if (typeof value !== "string") return [];
      return [{ name, value, order: typeof order === "number" ? order : 0 }];
    }),
  );
  return all.sort((a, b) => a.order - b.order).map(({ name, value }) => [name, value]);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
