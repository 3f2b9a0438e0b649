import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../../mail/address.ts";
import { type Extensions, noExtensions } from "./extensions.ts";
import { type EightBit, preflight, type Transaction } from "./preflight.ts";

const modern: Extensions = { ...noExtensions, esmtp: true, eightBitMime: true, smtpUtf8: true };
const ascii = "Subject: a\r\n\r\nbody\r\n";
const utf8Headers = "Subject: ä\r\n\r\nbody\r\n";
const utf8Body = "Subject: a\r\n\r\nbödy\r\n";

interface Given {
  readonly path?: string;
  readonly to?: readonly string[];
  readonly body?: "7BIT" | "8BITMIME";
  readonly smtputf8?: boolean;
  readonly size?: number;
  readonly text?: string;
}

const transaction = (given: Given, pieces?: (octets: Buffer) => AsyncIterable<Uint8Array>): Transaction => {
  const octets = Buffer.from(given.text ?? ascii);
  return {
    sender: {
      path: (given.path ?? "al@a.example") as Address,
      body: given.body ?? "7BIT",
      smtputf8: given.smtputf8 ?? false,
    },
    recipients: (given.to ?? ["bo@b.example"]).map((address) => ({ address: address as Address })),
    size: given.size ?? octets.length,
    body: () => (pieces ? pieces(octets) : octets),
  };
};

async function* singly(octets: Buffer): AsyncIterable<Uint8Array> {
  for (const octet of octets) yield Uint8Array.of(octet);
}

interface Row {
  readonly name: string;
  readonly given: Given;
  readonly server?: Extensions;
  readonly eightBit?: EightBit;
  /** Enhanced codes; `undefined`: tried. */
  readonly want: readonly (string | undefined)[];
  readonly utf8?: boolean;
}

const umlaut = "jürgen@b.example";
const table: readonly Row[] = [
  { name: "a plain message", given: {}, want: [undefined] },
  {
    name: "at the size limit",
    given: { size: 100 },
    server: { ...modern, size: { limit: 100 } },
    want: [undefined],
  },
  {
    name: "above the size limit",
    given: { size: 101 },
    server: { ...modern, size: { limit: 100 } },
    want: ["5.3.4"],
  },
  {
    name: "no limit told",
    given: { size: 1e9 },
    server: { ...modern, size: { limit: 0 } },
    want: [undefined],
  },
  { name: "UTF-8 sender", given: { path: umlaut }, server: noExtensions, want: ["5.6.7"] },
  { name: "UTF-8 sender, able server", given: { path: umlaut }, want: [undefined], utf8: true },
  {
    name: "one UTF-8 recipient of two",
    given: { to: [umlaut, "bo@b.example"] },
    server: noExtensions,
    want: ["5.6.7", undefined],
    utf8: true,
  },
  { name: "UTF-8 recipient, able server", given: { to: [umlaut] }, want: [undefined], utf8: true },
  {
    name: "UTF-8 headers",
    given: { smtputf8: true, text: utf8Headers },
    server: noExtensions,
    want: ["5.6.7"],
  },
  {
    name: "UTF-8 headers, able server",
    given: { smtputf8: true, text: utf8Headers },
    want: [undefined],
    utf8: true,
  },
  {
    name: "SMTPUTF8 said, not needed",
    given: { smtputf8: true },
    server: noExtensions,
    want: [undefined],
    utf8: true,
  },
  {
    name: "SMTPUTF8 said, only the body has UTF-8",
    given: { smtputf8: true, text: utf8Body },
    server: noExtensions,
    want: [undefined],
    utf8: true,
  },
  { name: "8-bit body", given: { body: "8BITMIME", text: utf8Body }, server: noExtensions, want: ["5.6.3"] },
  { name: "8-bit body, able server", given: { body: "8BITMIME", text: utf8Body }, want: [undefined] },
  { name: "8BITMIME said, not needed", given: { body: "8BITMIME" }, server: noExtensions, want: [undefined] },
  {
    name: "8-bit body, sent as it is",
    given: { body: "8BITMIME", text: utf8Body },
    server: noExtensions,
    eightBit: "send",
    want: [undefined],
  },
  {
    name: "headers without a body",
    given: { smtputf8: true, text: "Subject: ä" },
    server: noExtensions,
    want: ["5.6.7"],
  },
];

for (const { name, given, server = modern, eightBit = "bounce", want, utf8 = false } of table) {
  const check = async (pieces?: (octets: Buffer) => AsyncIterable<Uint8Array>) => {
    const plan = await preflight(transaction(given, pieces), server, eightBit);
    assert.deepEqual(
      plan.refusals.map((refusal) => refusal?.enhanced),
      want,
    );
    for (const refusal of plan.refusals) assert.ok(refusal === undefined || refusal.code >= 550);
    if (want.includes(undefined)) assert.equal(plan.utf8, utf8);
  };
  test(`${name}: ${want.map((code) => code ?? "tried").join(", ")}`, () => check());
  test(`${name}, octet by octet`, () => check(singly));
}

test("the usual message is planned at once, without touching the body", () => {
  const untouchable = (): never => assert.fail("the body was read");
  const given: Transaction = { ...transaction({ body: "8BITMIME", smtputf8: true }), body: untouchable };
  assert.ok(!(preflight(given, modern, "bounce") instanceof Promise));
});
