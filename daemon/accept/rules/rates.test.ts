import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRelayPolicy } from "../../../crds/types.ts";
import { directoryOf } from "../../../test/harness/directory.ts";
import { Rates } from "../../kit/rate.ts";
import type { Address } from "../../mail/address.ts";
import { ranksOf, standingOf } from "../standing.ts";
import { type Counted, countOn, domainMetersOf, metersOf, mistakesOf, waitOn } from "./rates.ts";

const directory = directoryOf({
  domains: {
    "example.test": {
      limits: { messagesPerMinute: 1, recipientsPerMinutePerClient: 2, unknownRecipientsPerHourPerClient: 3 },
    },
    "free.test": {},
  },
  mailboxes: { "alice@example.test": {} },
  policies: { "default/default": { cidrs: ["10.0.0.0/8"] } },
});
const ranks = ranksOf(directory);
const stranger = standingOf(ranks, "192.0.2.1", undefined);
const client = standingOf(ranks, "10.1.2.3", undefined);
const alice = standingOf(ranks, "192.0.2.1", "alice@example.test");
const whence = { client: "192.0.2.1", network: "192.0.2.0/24" };
const six = { client: "20010db800010002::/64", network: undefined };
const all: readonly Counted[] = ["connections", "messages", "recipients", "unknown", "errors"];

test("a stranger is counted by client and by the network around it, an IPv6 client once", () => {
  for (const what of all) {
    assert.deepEqual(
      metersOf(what, stranger, whence).map(({ key }) => key),
      [`${what} client 192.0.2.1`, `${what} net 192.0.2.0/24`],
    );
    assert.equal(metersOf(what, stranger, six).length, 1);
  }
});

test("a user is counted wherever it comes from, a trusted client not at all", () => {
  for (const what of all) {
    assert.deepEqual(
      metersOf(what, alice, whence).map(({ key }) => key),
      [`${what} user alice@example.test`],
    );
    assert.equal(metersOf(what, client, whence).length, 0);
  }
});

test("each count has its own limit of the policy", () => {
  const { limits } = defaultRelayPolicy;
  const rates = all.map((what) => metersOf(what, stranger, whence).map(({ rate }) => rate.count));
  assert.deepEqual(rates, [
    [limits.connectionsPerMinutePerClient, limits.connectionsPerMinutePerNetwork],
    [limits.messagesPerMinutePerClient, limits.messagesPerMinutePerNetwork],
    [limits.recipientsPerMinutePerClient, limits.recipientsPerMinutePerNetwork],
    [limits.unknownRecipientsPerHourPerClient, limits.unknownRecipientsPerHourPerNetwork],
    [limits.errorsPerHourPerClient, limits.errorsPerHourPerNetwork],
  ]);
  const user = all.map((what) => metersOf(what, alice, whence)[0]?.rate.count);
  assert.deepEqual(user, [
    limits.connectionsPerMinutePerClient,
    limits.messagesPerMinutePerUser,
    limits.recipientsPerMinutePerUser,
    limits.unknownRecipientsPerHourPerClient,
    limits.errorsPerHourPerClient,
  ]);
});

test("a domain's own limits count strangers only, and only where it has some", () => {
  const entry = (address: string) => {
    const found = directory.resolve(address as Address);
    assert.ok(found.kind !== "foreign");
    return found.domain;
  };
  const keys = (what: "messages" | "recipients" | "unknown", standing = stranger) =>
    domainMetersOf(what, standing, whence, entry("alice@example.test")).map(({ key, rate }) => [key, rate]);
  assert.deepEqual(keys("messages"), [["messages example.test", { count: 1, perMs: 60_000 }]]);
  assert.deepEqual(keys("recipients"), [
    ["recipients example.test client 192.0.2.1", { count: 2, perMs: 60_000 }],
  ]);
  assert.deepEqual(keys("unknown"), [
    ["unknown example.test client 192.0.2.1", { count: 3, perMs: 3_600_000 }],
  ]);
  for (const standing of [client, alice]) assert.deepEqual(keys("messages", standing), []);
  assert.deepEqual(domainMetersOf("messages", stranger, whence, entry("x@free.test")), []);
});

test("one counts on all meters or on none, and the longest wait is told", () => {
  const rates = new Rates();
  const one = { key: "one", rate: { count: 1, perMs: 60_000 } };
  const many = { key: "many", rate: { count: 9, perMs: 60_000 } };
  assert.equal(countOn(rates, [many, one], 0), 0);
  assert.equal(waitOn(rates, [one], 23_500), 36_500);
  assert.equal(countOn(rates, [many, one], 1_000), 59_000);
  for (let i = 0; i < 8; i++) assert.equal(countOn(rates, [many], 1_000), 0, `${i}`);
  assert.ok(countOn(rates, [many], 1_000) > 0);
});

test("mistakes are unknown names and errors, forgotten as the rates allow more", () => {
  const rates = new Rates();
  for (let i = 0; i < 10; i++) {
    countOn(rates, metersOf("unknown", stranger, whence), 0);
    countOn(rates, metersOf("errors", stranger, whence), 0);
    countOn(rates, metersOf("messages", stranger, whence), 0);
  }
  assert.equal(mistakesOf(rates, stranger, whence, 0), 20);
  assert.equal(mistakesOf(rates, stranger, whence, 12_000 * 5), 10, "300 an hour are one in 12 s");
  assert.equal(mistakesOf(rates, stranger, { ...whence, client: "192.0.2.9" }, 0), 0);
  assert.equal(mistakesOf(rates, client, whence, 0), 0);
});
