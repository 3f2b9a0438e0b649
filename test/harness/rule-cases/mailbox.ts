/** The rules of a Mailbox. */
import type { RuleCase, Spec } from "./case.ts";

const mailbox = (more: Spec = {}): Spec => ({ address: "alice@example.org", ...more });

export const mailboxCases: readonly RuleCase[] = [
  {
    kind: "Mailbox",
    says: "keepCopy: false without forwardTo",
    at: "",
    broken: mailbox({ keepCopy: false }),
    kept: mailbox({ keepCopy: false, forwardTo: ["a@example.com"] }),
  },
  {
    kind: "Mailbox",
    says: "forwardTo must not hold the mailbox's own address",
    at: "",
    broken: mailbox({ forwardTo: ["Alice@Example.org"] }),
    kept: mailbox({ forwardTo: ["alice@example.com"] }),
  },
  {
    kind: "Mailbox",
    says: "aliases must not hold the mailbox's own address",
    at: "",
    broken: mailbox({ aliases: ["ALICE@example.org"] }),
    kept: mailbox({ aliases: ["a.liddell@example.org"] }),
  },
  {
    kind: "Mailbox",
    says: "address cannot be changed",
    at: "address",
    old: mailbox(),
    broken: { address: "bob@example.org" },
    kept: mailbox({ quota: "1Gi" }),
  },
  {
    kind: "Mailbox",
    says: "address must be a whole address",
    at: "address",
    broken: { address: "a..b@example.org" },
    kept: { address: "\u00e4.b+c@B\u00fccher.example" },
  },
  {
    kind: "Mailbox",
    says: "write a whole address",
    at: "aliases[0]",
    broken: mailbox({ aliases: ["liddell"] }),
    kept: mailbox({ aliases: ["liddell@example.org"] }),
  },
  {
    kind: "Mailbox",
    says: "write a whole address",
    at: "forwardTo[0]",
    broken: mailbox({ forwardTo: ["liddell"] }),
    kept: mailbox({ forwardTo: ["liddell@example.com"] }),
  },
];
