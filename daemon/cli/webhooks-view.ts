/**
 * What `postfleet webhooks` prints. What receivers and next hops said may hold anything: it comes in one line, without what a
 * terminal would obey.
 */
import { oneLine } from "../mail/text.ts";
import type { Shelved } from "../nats/hook-shelf.ts";
import type { Named } from "../nats/webhook-records.ts";
import type { Condition, Dead } from "../webhooks/store.ts";

const whyMax = 200;

export function hookLine({ namespace, hook }: Named, { condition, events }: Shelved): string {
  const { waiting, dead, again } = events;
  const is = condition?.is ?? "well";
  return [
    namespace,
    hook,
    is,
    `${waiting.size + again.size} waiting`,
    `${dead.size} dead`,
    wordsOf(condition),
  ].join("\t");
}

function wordsOf(condition: Condition | undefined): string {
  if (condition === undefined || condition.is === "well") return "";
  const since = new Date(condition.at).toISOString();
  return condition.is === "gone"
    ? `its receiver said 410 at ${since}; change the hook and it is called again`
    : `since ${since}: ${oneLine(condition.why, whyMax)}`;
}

export const hookJson = ({ namespace, hook }: Named, { condition, place, events }: Shelved): object => ({
  namespace,
  hook,
  condition: condition ?? { is: "well" },
  ...(place === undefined ? {} : { place }),
  waiting: events.waiting.size + events.again.size,
  dead: events.dead.size,
});

export function deadLine({ namespace, hook }: Named, { event, attempts, why }: Dead): string {
  const { id, type, data } = event;
  return [namespace, hook, id, type, data.message, `${attempts} attempts`, oneLine(why, whyMax)].join("\t");
}

export function deadText(named: Named, { event, attempts, since, at, why }: Dead): readonly string[] {
  return [
    `event    ${event.id} ${event.type}`,
    `hook     ${named.namespace} ${named.hook}`,
    `tried    ${attempts} times from ${new Date(since).toISOString()} to ${new Date(at).toISOString()}`,
    `why      ${oneLine(why, whyMax)}`,
    `content  ${oneLine(JSON.stringify(event), 64 << 10)}`,
  ];
}

export const deadJson = ({ namespace, hook }: Named, dead: Dead): object => ({ namespace, hook, ...dead });
