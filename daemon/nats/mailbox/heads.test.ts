import assert from "node:assert/strict";
import { test } from "node:test";

import { Digester } from "./chunks.ts";
import { Heads } from "./heads.ts";
import type { Reader } from "./reader.ts";
import { encodeHead } from "./records.ts";

const digester = new Digester();
digester.push(Buffer.from("Subject: a\r\n\r\nhello\r\n"));
const { digest } = digester.end();
const head = (octets: number) =>
  encodeHead({ size: 1, chunks: 1, digest, header: Buffer.alloc(octets, 0x61), doomed: false });
const never = new AbortController().signal;

/** A stream where every body has a head of this size. */
function stream(octets: number) {
  const asked: string[] = [];
  const reader = {
    fixedOf: async (subjects: readonly string[]) => {
      asked.push(...subjects);
      return new Map(subjects.map((subject) => [subject, head(octets)]));
    },
  };
  return { asked, reader: reader as unknown as Reader };
}

test("a head that was read is not asked for again, and what is kept is told", async () => {
  const { asked, reader } = stream(1_000);
  let kept = 0;
  const heads = new Heads(reader, 0, (octets) => {
    kept += octets;
  });
  await heads.load(["one", "two"], never);
  await heads.load(["two", "one", "one"], never);
  assert.equal(asked.length, 2);
  assert.equal(kept, 2 * head(1_000).length);
});

test("beyond its bound the oldest heads go, and what is told goes with them", async () => {
  const size = 1 << 20;
  const { asked, reader } = stream(size);
  let kept = 0;
  let most = 0;
  const heads = new Heads(reader, 0, (octets) => {
    kept += octets;
    most = Math.max(most, kept);
  });
  for (let n = 0; n < 30; n++) await heads.load([`body-${n}`], never);
  assert.equal(kept % head(size).length, 0);
  assert.ok(kept <= 24 << 20 && kept > 20 << 20, `${kept}`);
  assert.ok(most <= (24 << 20) + 2 * size);
  await heads.load(["body-29"], never);
  assert.equal(asked.length, 30, "the newest is still there");
  await heads.load(["body-0"], never);
  assert.equal(asked.length, 31);
});

test("a head that is kept holds no memory but its own", async () => {
  const { reader } = stream(1_000);
  const found = await new Heads(reader, 0).load(["one"], never);
  assert.equal(found.get("one")?.header?.buffer.byteLength, head(1_000).length);
});
