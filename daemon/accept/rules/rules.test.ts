import assert from "node:assert/strict";
import { test } from "node:test";
import { directoryOf, type Resources } from "../../../test/harness/directory.ts";
import type { Address } from "../../mail/address.ts";
import { reply } from "../../mail/reply.ts";
import type { Caller, Later, Verdict } from "../../smtp/mailroom.ts";
import { expand } from "../expand.ts";
import { ranksOf, standingOf } from "../standing.ts";
import { admission } from "./admission.ts";
import { known } from "./known.ts";
import { loginRequired } from "./login-required.ts";
import { notFull, notSuspended } from "./mailbox-ready.ts";
import { domainMessageSize, messageSize } from "./message-size.ts";
import { ownSender } from "./own-sender.ts";
import { recipientCount } from "./recipient-count.ts";
import { mayRelay } from "./relay.ts";
import { chain, type Mail, type Rcpt } from "./rule.ts";

const resources: Resources = {
  domains: {
    "example.test": {
      limits: { messageSize: 1_000, recipients: 2, messagesPerMinute: 1 },
      catchAll: "carol@example.test",
      aliases: {
        sales: ["alice@example.test", "full@example.test"],
        gone: ["sleepy@example.test"],
        some: ["sleepy@example.test", "alice@example.test"],
        stuffed: ["full@example.test", "fuller@example.test"],
        out: ["full@example.test", "x@far.example"],
      },
    },
    "strict.test": { aliases: { loop: ["loop@strict.test"] } },
  },
  mailboxes: {
    "alice@example.test": { aliases: ["al@example.test"], quota: 100 },
    "carol@example.test": {},
    "erik@example.test": { aliases: ["er@example.test"], forwardTo: ["erik@home.example"], keepCopy: false },
    "sleepy@example.test": { suspended: true },
    "full@example.test": { quota: 100 },
    "fuller@example.test": { messageQuota: 1 },
  },
  policies: { "default/default": { cidrs: ["10.0.0.0/8"], limits: { messageSize: 5_000, recipients: 3 } } },
};
const directory = directoryOf(resources);
const ranks = ranksOf(directory);
const stranger = standingOf(ranks, "192.0.2.1", undefined);
const client = standingOf(ranks, "10.1.2.3", undefined);
const user = (name: string) => standingOf(ranks, "192.0.2.1", name);
const alice = user("alice@example.test");
const listener = (name: Caller["listener"]): Caller => ({
  address: "192.0.2.1",
  port: 1,
  listener: name,
  tls: false,
});

const mail = (over: Partial<Mail> & { from?: string } = {}): Mail => ({
  caller: listener("smtp"),
  standing: stranger,
  directory,
  sender: { path: (over.from ?? "x@far.example") as Address, body: "7BIT", smtputf8: false },
  size: undefined,
  ...over,
});
const rcpt = (address: string, over: Partial<Rcpt> = {}): Rcpt => ({
  standing: stranger,
  address: address as Address,
  expansion: expand(directory, address as Address),
  named: 0,
  namedInDomain: 0,
  targets: 0,
  size: undefined,
  ...over,
});
const isFull = ({ name }: { readonly name: string }): Later<boolean> =>
  name.startsWith("fuller") ? Promise.resolve(true) : name.startsWith("full");

const cases: readonly [name: string, verdict: () => Later<Verdict>, want: string][] = [
  ["submission is for users", () => loginRequired(mail({ caller: listener("submission") })), "530 5.7.0"],
  ["submissions too", () => loginRequired(mail({ caller: listener("submissions") })), "530 5.7.0"],
  [
    "submission takes users",
    () => loginRequired(mail({ caller: listener("submission"), standing: alice })),
    "",
  ],
  [
    "submission takes clients",
    () => loginRequired(mail({ caller: listener("submission"), standing: client })),
    "",
  ],
  ["smtp is for everybody", () => loginRequired(mail()), ""],
  [
    "a user who was suspended since",
    () => loginRequired(mail({ standing: user("sleepy@example.test") })),
    "550 5.7.1",
  ],
  [
    "a user who was removed since",
    () => loginRequired(mail({ standing: user("nobody@example.test") })),
    "550 5.7.1",
  ],

  ["a stranger may be anyone", () => ownSender(mail({ from: "alice@example.test" })), ""],
  ["a user's own address", () => ownSender(mail({ standing: alice, from: "Alice@example.test" })), ""],
  ["a user's detail", () => ownSender(mail({ standing: alice, from: "alice+x@example.test" })), ""],
  ["a user's alias", () => ownSender(mail({ standing: alice, from: "al@example.test" })), ""],
  [
    "an alias that reaches the user",
    () => ownSender(mail({ standing: alice, from: "sales@example.test" })),
    "",
  ],
  [
    "an alias that does not",
    () => ownSender(mail({ standing: alice, from: "gone@example.test" })),
    "550 5.7.1",
  ],
  [
    "a colleague's address",
    () => ownSender(mail({ standing: alice, from: "carol@example.test" })),
    "550 5.7.1",
  ],
  ["a foreign address", () => ownSender(mail({ standing: alice, from: "x@far.example" })), "550 5.7.1"],
  [
    "a name that is nobody's",
    () => ownSender(mail({ standing: alice, from: "nobody@strict.test" })),
    "550 5.7.1",
  ],
  [
    "the null sender",
    () => ownSender({ ...mail({ standing: alice }), sender: { path: "", body: "7BIT", smtputf8: false } }),
    "",
  ],
  [
    "a catch-all's owner",
    () => ownSender(mail({ standing: user("carol@example.test"), from: "any@example.test" })),
    "",
  ],
  [
    "a forwarding user's own",
    () => ownSender(mail({ standing: user("erik@example.test"), from: "erik@example.test" })),
    "",
  ],
  [
    "a forwarding user's alias",
    () => ownSender(mail({ standing: user("erik@example.test"), from: "er@example.test" })),
    "",
  ],

  ["no size announced", () => messageSize(mail()), ""],
  ["the largest size", () => messageSize(mail({ size: 5_000 })), ""],
  ["one octet more", () => messageSize(mail({ size: 5_001 })), "552 5.3.4"],
  ["a domain's largest size", () => domainMessageSize(rcpt("alice@example.test", { size: 1_000 })), ""],
  [
    "one more than a domain's",
    () => domainMessageSize(rcpt("alice@example.test", { size: 1_001 })),
    "552 5.3.4",
  ],
  ["a foreign domain has none", () => domainMessageSize(rcpt("x@far.example", { size: 4_000 })), ""],

  ["a stranger may not relay", () => mayRelay(rcpt("x@far.example")), "550 5.7.1"],
  [
    "a former user may not relay",
    () => mayRelay(rcpt("x@far.example", { standing: user("sleepy@example.test") })),
    "550 5.7.1",
  ],
  ["a client may relay", () => mayRelay(rcpt("x@far.example", { standing: client })), ""],
  ["a user may relay", () => mayRelay(rcpt("x@far.example", { standing: alice })), ""],
  ["ours is no relaying", () => mayRelay(rcpt("nobody@strict.test")), ""],

  ["a known recipient", () => known(rcpt("alice@example.test")), ""],
  ["an unknown recipient", () => known(rcpt("nobody@strict.test")), "550 5.1.1"],
  ["a looping alias", () => known(rcpt("loop@strict.test")), "550 5.4.6"],
  ["a foreign recipient", () => known(rcpt("x@far.example")), ""],

  ["the last recipient", () => recipientCount(9)(rcpt("x@far.example", { named: 2 })), ""],
  ["one recipient more", () => recipientCount(9)(rcpt("x@far.example", { named: 3 })), "452 4.5.3"],
  ["the domain's last", () => recipientCount(9)(rcpt("al@example.test", { namedInDomain: 1 })), ""],
  [
    "one more for the domain",
    () => recipientCount(9)(rcpt("al@example.test", { namedInDomain: 2 })),
    "452 4.5.3",
  ],
  ["the last targets", () => recipientCount(4)(rcpt("sales@example.test", { targets: 2 })), ""],
  ["one target more", () => recipientCount(4)(rcpt("sales@example.test", { targets: 3 })), "452 4.5.3"],
  ["the first always fits", () => recipientCount(1)(rcpt("sales@example.test")), ""],

  ["a suspended mailbox", () => notSuspended(rcpt("sleepy@example.test")), "450 4.2.1"],
  ["an alias for it", () => notSuspended(rcpt("gone@example.test")), "450 4.2.1"],
  ["an alias for others too", () => notSuspended(rcpt("some@example.test")), ""],
  ["a foreign one", () => notSuspended(rcpt("x@far.example")), ""],

  ["a full mailbox", () => notFull(isFull)(rcpt("full@example.test")), "452 4.2.2"],
  ["a full mailbox that is looked up", () => notFull(isFull)(rcpt("fuller@example.test")), "452 4.2.2"],
  ["all of an alias are full", () => notFull(isFull)(rcpt("stuffed@example.test")), "452 4.2.2"],
  ["one of an alias is not", () => notFull(isFull)(rcpt("sales@example.test")), ""],
  ["an alias that leaves", () => notFull(isFull)(rcpt("out@example.test")), ""],
  [
    "a mailbox without quota is not looked up",
    () => notFull(() => assert.fail("asked"))(rcpt("carol@example.test")),
    "",
  ],
];

for (const [name, verdict, want] of cases)
  test(name, async () => {
    const said = await verdict();
    assert.equal(said ? `${said.code} ${said.enhanced}` : "", want);
  });

test("a closed queue speaks its own reply", () => {
  const closed = reply(452, "4.3.1", "full");
  assert.equal(admission({ admission: () => ({ open: false, reply: closed }) })(), closed);
  assert.equal(admission({ admission: () => ({ open: true }) })(), undefined);
});

test("a chain speaks with its first rule that has an opinion, by its name, and asks none after it", () => {
  const no = reply(550, "5.0.0", "no");
  const asked: string[] = [];
  const rule = (name: string, verdict: Later<Verdict>) => () => {
    asked.push(name);
    return verdict;
  };
  const rules = { a: rule("a", undefined), b: rule("b", no), c: rule("c", undefined) };
  assert.deepEqual(chain(rules)(undefined), { rule: "b", reply: no });
  assert.deepEqual(asked, ["a", "b"]);
});

test("a chain answers at once unless a rule makes it wait, and goes on after that rule", async () => {
  const no = reply(550, "5.0.0", "no");
  const silent = () => undefined;
  assert.equal(chain({ silent })(undefined), undefined);
  const later = chain({ silent, waits: async () => undefined, last: () => no })(undefined);
  assert.ok(later instanceof Promise);
  assert.deepEqual(await later, { rule: "last", reply: no });
  assert.deepEqual(await chain({ waits: async () => no, last: () => assert.fail("asked") })(undefined), {
    rule: "waits",
    reply: no,
  });
});
