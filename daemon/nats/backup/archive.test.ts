import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { ArchiveWriter, readArchive, type SavedRecord } from "./archive.ts";

async function place(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-archive-"));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, "Q0");
}

function write(file: string, records: readonly SavedRecord[]): void {
  using writer = new ArchiveWriter(file);
  for (const record of records) writer.add(record);
  writer.finish();
}

async function read(file: string): Promise<SavedRecord[]> {
  const records: SavedRecord[] = [];
  for await (const { data, ...head } of readArchive(file))
    records.push({ ...head, data: new Uint8Array(data) });
  return records;
}

const record = fc.record(
  {
    subject: fc.string({ unit: "grapheme", minLength: 1 }),
    time: fc.nat(),
    ttl: fc.nat(),
    // Some fill a buffer, and span several reads.
    data: fc.oneof(
      fc.uint8Array(),
      fc.integer({ min: 1, max: 3 }).map((n) => new Uint8Array(n * 500_000).fill(n)),
    ),
  },
  { requiredKeys: ["subject", "time", "data"], noNullPrototype: true },
);

test("what was written is read, whatever the records hold", async (t) => {
  const file = await place(t);
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 10 }), async (records) => {
      write(file, records);
      assert.deepEqual(await read(file), records);
    }),
    { numRuns: 30 },
  );
});

test("only the owner may read it, and an unfinished one leaves nothing", async (t) => {
  const file = await place(t);
  {
    using writer = new ArchiveWriter(file);
    writer.add({ subject: "q", time: 1, data: new Uint8Array(3) });
  }
  assert.equal(existsSync(file), false);
  assert.equal(existsSync(`${file}.part`), false);
  write(file, []);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("a file that was cut short anywhere, or changed, is not read to its end", async (t) => {
  const file = await place(t);
  write(file, [
    { subject: "q0.a", time: 1, data: Buffer.from("one\ntwo") },
    { subject: "q0.b", time: 2, ttl: 9, data: Buffer.alloc(0) },
  ]);
  const whole = await readFile(file);
  for (let length = 0; length < whole.length - 1; length++) {
    await writeFile(file, whole.subarray(0, length));
    await assert.rejects(read(file), { name: "BrokenCopy" }, `${length} octets`);
  }
  const changed = Buffer.from(whole);
  changed[whole.indexOf("two")] = 0x54;
  await writeFile(file, changed);
  await assert.rejects(read(file), /digest differs/);
});
