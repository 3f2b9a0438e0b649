import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../../mail/address.ts";
import type { Recipient, Sender } from "../../mail/envelope.ts";
import { decodeXtext, parseOrcpt } from "../xtext.ts";
import { mailCommand, rcptCommand, utf8AddressXtext, xtext } from "./commands.ts";
import { type Extensions, noExtensions } from "./extensions.ts";

const everything: Extensions = {
  ...noExtensions,
  esmtp: true,
  eightBitMime: true,
  smtpUtf8: true,
  dsn: true,
  size: { limit: 0 },
};
const sender = (over: Partial<Sender> = {}): Sender => ({
  path: "al@a.example" as Address,
  body: "7BIT",
  smtputf8: false,
  ...over,
});
const rcpt = (over: Partial<Recipient> = {}): Recipient => ({ address: "bo@b.example" as Address, ...over });

const xtexts = [
  { given: "plain", want: "plain" },
  { given: "a+b=c", want: "a+2Bb+3Dc" },
  { given: "two words", want: "two+20words" },
  { given: "x\r\nRCPT TO:<evil@example>", want: "x+0D+0ARCPT+20TO:<evil@example>" },
  { given: "ü", want: "+C3+BC" },
  { given: "😀", want: "+F0+9F+98+80" },
  { given: "!~\\", want: "!~\\" },
] as const;

for (const { given, want } of xtexts) {
  test(`xtext of ${JSON.stringify(given)}`, () => assert.equal(xtext(given), want));
}

const utf8Texts = [
  { given: "bo@b.example", want: "bo@b.example" },
  { given: "jürgen@b.example", want: "j\\x{FC}rgen@b.example" },
  { given: "a+b=c\\d e", want: "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e" },
  { given: "😀", want: "\\x{1F600}" },
] as const;

for (const { given, want } of utf8Texts) {
  test(`utf-8 address ${given}`, () => assert.equal(utf8AddressXtext(given), want));
}

test("what we encode, the receiving side decodes to the same", () => {
  const printable = fc.string({ unit: fc.constantFrom(...'abcXYZ019+=\\{}<>;@. ~!"') });
  fc.assert(fc.property(printable, (text) => assert.equal(decodeXtext(xtext(text)), text)));
  const address = fc
    .string({ unit: fc.constantFrom(..."abcü漢😀+=\\"), minLength: 1 })
    .map((text) => `${text}@b.example`);
  fc.assert(
    fc.property(address, (text) =>
      assert.deepEqual(parseOrcpt(`utf-8;${utf8AddressXtext(text)}`), { type: "utf-8", address: text }),
    ),
  );
});

const mails = [
  { name: "to a plain server", from: sender(), to: noExtensions, want: "MAIL FROM:<al@a.example>\r\n" },
  {
    name: "with all extensions",
    from: sender(),
    to: everything,
    want: "MAIL FROM:<al@a.example> SIZE=9\r\n",
  },
  { name: "from nobody", from: sender({ path: "" }), to: noExtensions, want: "MAIL FROM:<>\r\n" },
  {
    name: "with 8-bit content",
    from: sender({ body: "8BITMIME" }),
    to: everything,
    want: "MAIL FROM:<al@a.example> SIZE=9 BODY=8BITMIME\r\n",
  },
  {
    name: "with 8-bit content to a plain server",
    from: sender({ body: "8BITMIME" }),
    to: noExtensions,
    want: "MAIL FROM:<al@a.example>\r\n",
  },
  {
    name: "with DSN options",
    from: sender({ ret: "HDRS", envid: "q=1" }),
    to: everything,
    want: "MAIL FROM:<al@a.example> SIZE=9 RET=HDRS ENVID=q+3D1\r\n",
  },
  {
    name: "with DSN options to a plain server",
    from: sender({ ret: "HDRS", envid: "q=1" }),
    to: noExtensions,
    want: "MAIL FROM:<al@a.example>\r\n",
  },
] as const;

for (const { name, from, to, want } of mails) {
  test(`MAIL ${name}`, () => assert.equal(mailCommand(from, to, { size: 9, utf8: false }), want));
}

test("MAIL says SMTPUTF8 when the message uses it and the server knows it", () => {
  const facts = { size: 9, utf8: true };
  assert.equal(mailCommand(sender(), everything, facts), "MAIL FROM:<al@a.example> SIZE=9 SMTPUTF8\r\n");
  assert.equal(mailCommand(sender(), noExtensions, facts), "MAIL FROM:<al@a.example>\r\n");
});

const rcpts = [
  { name: "plain", given: rcpt(), want: "RCPT TO:<bo@b.example>\r\n" },
  { name: "NOTIFY=NEVER", given: rcpt({ notify: "never" }), want: "RCPT TO:<bo@b.example> NOTIFY=NEVER\r\n" },
  {
    name: "NOTIFY and ORCPT",
    given: rcpt({ notify: ["success", "failure"], orcpt: { type: "rfc822", address: "Bo+x@old.example" } }),
    want: "RCPT TO:<bo@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bo+2Bx@old.example\r\n",
  },
  {
    name: "ORCPT in UTF-8",
    given: rcpt({ orcpt: { type: "utf-8", address: "bü@old.example" } }),
    want: "RCPT TO:<bo@b.example> ORCPT=utf-8;b\\x{FC}@old.example\r\n",
  },
] as const;

for (const { name, given, want } of rcpts) {
  test(`RCPT ${name}`, () => assert.equal(rcptCommand(given, everything), want));
  test(`RCPT ${name}, to a plain server`, () => {
    assert.equal(rcptCommand(given, noExtensions), "RCPT TO:<bo@b.example>\r\n");
  });
}

for (const character of ["\r", "\n", "\0"]) {
  test(`an address with ${JSON.stringify(character)} never becomes a command`, () => {
    const address = `bo${character}@b.example` as Address;
    assert.throws(() => rcptCommand(rcpt({ address }), everything), TypeError);
    assert.throws(
      () => mailCommand(sender({ path: address }), everything, { size: 1, utf8: false }),
      TypeError,
    );
  });
}
