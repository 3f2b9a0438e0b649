/**
 * What `postfleet webhooks` prints. What receivers and next hops said may hold anything: it comes in one line, without what a
 * terminal would obey.
 */
import type { LetterShape, WebhookShape } from "../api/contract/webhooks.ts";
import { oneLine } from "../mail/text.ts";

const whyMax = 200;
const at = (ms: number): string => new Date(ms).toISOString();

export function hookLine(hook: WebhookShape): string {
  const { namespace, hook: name, state, waiting, dead } = hook;
  return [namespace, name, state, `${waiting} waiting`, `${dead} dead`, wordsOf(hook)].join("\t");
}

function wordsOf({ state, since = 0, why = "", declared }: WebhookShape): string {
  if (declared === undefined) return "no resource declares it any more";
  if (state === "well") return "";
  return state === "gone"
    ? `its receiver said 410 at ${at(since)}; change the hook and it is called again`
    : `since ${at(since)}: ${oneLine(why, whyMax)}`;
}

export function letterLine({ namespace, hook, event, attempts, next, why }: LetterShape): string {
  const { id, type, data } = event;
  const when = next === undefined ? [] : [`next ${at(next)}`];
  const words = [namespace, hook, id, type, data.message, `${attempts} attempts`, ...when];
  return [...words, oneLine(why, whyMax)].join("\t");
}

export function letterText(letter: LetterShape): readonly string[] {
  const { namespace, hook, event, attempts, since, at: gaveUp, next, why } = letter;
  const until = gaveUp === undefined ? `, next ${at(next ?? since)}` : ` to ${at(gaveUp)}`;
  return [
    `event    ${event.id} ${event.type}`,
    `hook     ${namespace} ${hook}`,
    `tried    ${attempts} times from ${at(since)}${until}`,
    `why      ${oneLine(why, whyMax)}`,
    `content  ${oneLine(JSON.stringify(event), 64 << 10)}`,
  ];
}
