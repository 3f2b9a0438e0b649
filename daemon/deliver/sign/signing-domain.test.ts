import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain } from "../../../test/harness/declare.ts";
import { snapshot } from "../../directory/builder.ts";
import type { Origin, Recipient } from "../../mail/envelope.ts";
import type { Job } from "../../queue/job.ts";
import { signingDomain } from "./signing-domain.ts";

const dkim = [{ selector: "s", privateKey: "k" }];
const directory = snapshot([
  { ...aDomain("a.test"), dkim },
  { ...aDomain("b.test"), dkim },
  { ...aDomain("sub.a.test"), dkim },
  aDomain("bare.test"),
  { ...aDomain("other.test", {}, { namespace: "other" }), dkim },
]);

const submitted: Origin = {
  client: "192.0.2.1",
  helo: "c",
  protocol: "ESMTPSA",
  user: "u@a.test",
  trusted: true,
};
const stranger: Origin = { client: "192.0.2.1", helo: "c", protocol: "ESMTP" };
const made: Origin = { client: "local", helo: "", protocol: "local" };

interface Case {
  readonly name: string;
  readonly origin: Origin;
  readonly from?: string;
  readonly sender?: string;
  readonly orcpt?: string;
  readonly policy?: string;
  readonly signs: string | undefined;
}

const table: readonly Case[] = [
  {
    name: "a user's own domain",
    origin: submitted,
    from: "Ann <u@b.test>",
    sender: "u@a.test",
    signs: "b.test",
  },
  { name: "a domain below another", origin: submitted, from: "u@sub.a.test", signs: "sub.a.test" },
  { name: "a name below a domain of ours", origin: submitted, from: "u@x.y.b.test", signs: "b.test" },
  {
    name: "From elsewhere: the sender's",
    origin: submitted,
    from: "u@far.example",
    sender: "u@b.test",
    signs: "b.test",
  },
  {
    name: "two authors of two domains: the sender's",
    origin: submitted,
    from: "u@a.test, u@b.test",
    sender: "u@b.test",
    signs: "b.test",
  },
  { name: "two authors of one domain", origin: submitted, from: "u@b.test, v@b.test", signs: "b.test" },
  { name: "no From at all", origin: submitted, sender: "u@b.test", signs: "b.test" },
  { name: "a neighbour's domain: one of ours", origin: submitted, from: "u@other.test", signs: "a.test" },
  {
    name: "a domain without keys: one of the policy's",
    origin: submitted,
    from: "u@bare.test",
    signs: "a.test",
  },
  {
    name: "a DSN of a host below a domain",
    origin: made,
    from: "MAILER-DAEMON@mx.b.test",
    sender: "",
    signs: "b.test",
  },
  {
    name: "a stranger's claim to be us is not signed as ours",
    origin: stranger,
    from: "ceo@b.test",
    sender: "x@far.example",
    signs: "a.test",
  },
  {
    name: "a forward: the domain that forwards",
    origin: stranger,
    from: "x@far.example",
    orcpt: "list@b.test",
    signs: "b.test",
  },
  {
    name: "a forged original recipient of a neighbour's",
    origin: stranger,
    orcpt: "list@other.test",
    signs: "a.test",
  },
  {
    name: "a policy without keys",
    origin: submitted,
    from: "u@a.test",
    policy: "none/default",
    signs: undefined,
  },
];

for (const {
  name,
  origin,
  from,
  sender = "u@far.example",
  orcpt,
  policy = "default/default",
  signs,
} of table) {
  test(`who signs: ${name}`, () => {
    const recipient = {
      address: "to@far.example",
      ...(orcpt ? { orcpt: { type: "rfc822", address: orcpt } } : {}),
    };
    const job = {
      policy,
      origin,
      sender: { path: sender, body: "7BIT", smtputf8: false },
      recipients: [recipient as Recipient],
    } as unknown as Job;
    const fields = from === undefined ? ["To: x\r\n"] : [`From:\r\n ${from}\r\n`, "To: x\r\n"];
    assert.equal(signingDomain(job, fields, directory)?.domain, signs);
  });
}
