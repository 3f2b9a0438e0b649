/**
 * What a status says of the webhooks of a resource: those whose receivers fail for long, and what was given up.
 */
import { no, type Verdict, yes } from "./conditions.ts";

export interface WebhookFacts {
  readonly told: readonly {
    readonly name: string;
    /** As commands call it. */
    readonly id: string;
    /** `undefined`: its receiver takes events, as far as is known. `since`: RFC 3339. */
    readonly trouble?:
      | { readonly is: "failing"; readonly since: string; readonly why: string }
      | { readonly is: "gone"; readonly since: string };
    readonly dead: number;
  }[];
}

type Told = WebhookFacts["told"][number];
const type = "WebhooksAnswer";

export function webhooksVerdict({ told }: WebhookFacts): Verdict {
  const troubled = told.filter(({ trouble }) => trouble !== undefined);
  if (troubled.length > 0) return no(type, "WebhookFails", troubled.map(sentence).join("; "));
  const left = told.filter(({ dead }) => dead > 0).map((each) => `webhook ${each.name}: ${letters(each)}`);
  return yes(type, "NoFault", ["no webhook fails for long", ...left].join("; "));
}

function sentence(told: Told): string {
  const { name, trouble, dead } = told;
  const what =
    trouble?.is === "gone"
      ? `webhook ${name} is ended since ${trouble.since}: its receiver said 410; change the hook and it is called again`
      : `webhook ${name} fails since ${trouble?.since}: ${trouble?.why}`;
  return dead === 0 ? what : `${what}; ${letters(told)}`;
}

const letters = ({ id, dead }: Told): string =>
  `${dead} dead ${dead === 1 ? "letter waits" : "letters wait"} ("kubectl postfleet webhooks dead ${id}")`;
