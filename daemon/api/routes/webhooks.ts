/** Webhooks: how they fare, what they were not told of, and orders about that. */
import type { HookLetter } from "../../nats/hook-letters.ts";
import type { Installation } from "../../operate/installation.ts";
import { type HookLine, hookPage, letterPage, orderLetters as order } from "../../operate/webhooks.ts";
import {
  type LetterShape,
  listLetters,
  listWebhooks,
  orderLetters,
  type WebhookShape,
} from "../contract/webhooks.ts";
import { type Route, serve } from "../route.ts";

/** What went wrong is told by whatever went wrong. */
const whyMax = 2_000;

export const webhookRoutes = (installation: Installation): readonly Route[] => [
  serve(listWebhooks, async ({ query: { namespace, match = "*", after = "", limit = 50 } }) => {
    const { hooks, matching } = await hookPage(installation, { namespace, match, after, limit });
    return { webhooks: hooks.map(hookShape), matching };
  }),
  serve(listLetters, async ({ query: { limit = 50, ...asked } }) => {
    const { letters, ...next } = await letterPage(installation, { ...asked, limit });
    return { letters: letters.map(letterShape), ...next };
  }),
  serve(orderLetters, ({ body }, { signal }) => order(installation, body, signal)),
];

function hookShape({ namespace, hook, declared, condition, waiting, dead }: HookLine): WebhookShape {
  return {
    namespace,
    hook,
    ...(declared === undefined ? {} : { declared: declaredShape(declared) }),
    state: condition?.is ?? "well",
    ...(condition === undefined ? {} : { since: condition.at }),
    ...(condition?.is === "failing" ? { why: condition.why.slice(0, whyMax) } : {}),
    waiting,
    dead,
  };
}

const declaredShape = ({ scope, kinds, host }: NonNullable<HookLine["declared"]>) => ({
  kind: scope.kind,
  of: scope.kind === "MailDomain" ? scope.domain : scope.policy,
  host,
  events: [...kinds],
});

function letterShape(found: HookLetter): LetterShape {
  const { namespace, hook, state, letter } = found;
  const { event, attempts, since, why } = letter;
  const times = found.state === "dead" ? { at: found.letter.at } : { next: found.letter.next };
  return { namespace, hook, state, event, attempts, since, ...times, why: why.slice(0, whyMax) };
}
