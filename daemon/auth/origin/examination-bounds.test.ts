/** What a stranger's message may cost: look-ups, hashes, time; and that nothing breaks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { begin } from "../../../test/harness/examining.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { signatureMax } from "./examinable.ts";
import type { Lookup } from "./lookup.ts";

test("only so many signatures are looked at, each of which may cost a look-up and a hash", async () => {
  const asked: string[] = [];
  const many = Array.from(
    { length: 100 },
    (_, i) => `DKIM-Signature: v=1; a=rsa-sha256; d=d${i}.test; s=s; h=from; l=${i}; bh=AA==; b=AA==\r\n`,
  );
  const means = {
    lookup: (async (name) => {
      asked.push(name);
      return { kind: "nxdomain" };
    }) as Lookup,
  };
  const examination = begin({ path: "" }, means);
  examination.header(Buffer.from(`${many.join("")}From: a@a.test\r\n\r\n`));
  const { dkim } = await examination.end();
  assert.equal(dkim.length, signatureMax);
});

test("a DNS that never answers ends the wait: what is not known is a temporary error", async () => {
  const clock = new FakeClock();
  const never: Lookup = (_name, _type, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  const means = { lookup: never, clock };
  const examination = begin({}, means);
  examination.header(Buffer.from("From: a@a.test\r\n\r\n"));
  const ended = examination.end();
  clock.advance(12_000);
  const { spf, dmarc } = await ended;
  assert.deepEqual([spf.result, dmarc.result], ["temperror", "temperror"]);
  assert.equal(clock.asleep, 0);
});

test("giving up while the next octets wait for their turn leaves nobody waiting", async () => {
  const examination = begin({ client: "192.0.2.1" });
  examination.header(Buffer.from("From: a@a.test\r\n\r\n"));
  const waiting = examination.write(Buffer.alloc(1 << 20, "x"));
  assert.ok(waiting instanceof Promise);
  examination.abort();
  await waiting;
  assert.equal(examination.write(Buffer.from("more")), undefined);
  assert.equal((await examination.end()).dkim.length, 0);
});

test("no octets break an examination", async () => {
  const fieldText = fc.constantFrom(
    "DKIM-Signature: ",
    "ARC-Seal: i=1; ",
    "From: ",
    "v=1; a=rsa-sha256; ",
    "h=from:to; ",
    "bh=",
    "b=AAAA; ",
    "d=a.test; s=s; ",
    "l=99999999999; ",
    "\r\n",
    "\r\n ",
    "<a@a.test>",
    ",",
    "(",
    "\0",
    "é",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fieldText, { maxLength: 40 }),
      fc.uint8Array({ maxLength: 60 }),
      async (header, rest) => {
        const examination = begin({ client: "192.0.2.1" });
        examination.header(Buffer.from(header.join("")));
        await examination.write(rest);
        const { spf, dmarc } = await examination.end();
        assert.equal(spf.result, "pass");
        assert.ok(dmarc.result.length > 0);
      },
    ),
    { numRuns: 300 },
  );
});

const signed = (more: string) =>
  `DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from; ${more} bh=AA==; b=AA==\r\n`;
const author = "From: a@a.test\r\n";
/** Each within what a stranger's header section may have; without bounds each takes seconds to minutes. */
const costly = {
  "white space within a signature": `${signed(`n=${" ".repeat(60_000)}x;`)}${author}`,
  "a signature of a domain of dots": `DKIM-Signature: v=1; a=rsa-sha256; d=a${".".repeat(60_000)}b; s=s; h=from; bh=AA==; b=AA==\r\n${author}`,
  "an author at a domain of dots": `${signed("")}From: a@a${".".repeat(60_000)}b\r\n`,
  "sixteen thousand lines in a field": `${signed("")}${author}X-Long:${"\r\n x".repeat(15_500)}\r\n`,
  "many names of many fields": `${`DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from${":b".repeat(1_800)}; bh=AA==; b=AA==\r\n`.repeat(8)}${author}${"a:\r\n".repeat(8_000)}`,
  "a chain of seals with white space": `${Array.from({ length: 10 }, (_, i) => `ARC-Seal: i=${i + 1};${" ".repeat(6_000)}x; b=x\r\n`).join("")}${author}`,
};
for (const [name, section] of Object.entries(costly))
  test(`${name} costs no more than others: the process serves others meanwhile`, {
    timeout: 60_000,
  }, async () => {
    assert.ok(section.length <= 64 << 10, `${section.length}`);
    const examination = begin({ path: "" });
    const before = process.cpuUsage();
    examination.header(Buffer.from(`${section}\r\n`, "latin1"));
    await examination.write(Buffer.from("x\r\n"));
    await examination.end();
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, `${user / 1_000} ms`);
  });

test("a record of more than 4 KiB is none: nobody needs one, and it would cost seconds", async () => {
  const found = { kind: "found", records: [`v=spf1 exists:${"%{".repeat(30_000)}`, "v=spf1 -all"] } as const;
  const none = { kind: "nxdomain" } as const;
  const means = {
    lookup: (async (name, type) => (name === "a.test" && type === "TXT" ? found : none)) as Lookup,
  };
  const examination = begin({ path: "x@a.test" }, means);
  examination.header(Buffer.from(`${author}\r\n`));
  assert.equal((await examination.end()).spf.result, "fail");
});
