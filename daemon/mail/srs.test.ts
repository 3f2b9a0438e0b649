import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { Address, Domain } from "./address.ts";
import { isRewritten, originalPath, rewrittenPath, validDays } from "./srs.ts";

const [key, older] = [randomBytes(32), randomBytes(32)];
const ours = "fwd.test" as Domain;
const now = Date.UTC(2026, 10, 29);
const day = 86_400_000;
const rewrite = (path: string, by = ours, at = now) => rewrittenPath(path as Address, by, key, at);
const back = (path: Address | undefined, at = now, keys = [key]) => path && originalPath(path, keys, at);

test("a path comes back as it was", () => {
  const path = rewrite("Ann.Lee+x@far.test");
  assert.match(path ?? "", /^SRS0=[A-Z2-7]{6}=[A-Z2-7]{2}=far\.test=Ann\.Lee\+x@fwd\.test$/);
  assert.equal(back(path), "Ann.Lee+x@far.test");
  assert.ok(path && isRewritten(path));
});

test("hosts that change letters do not break it", () => {
  const path = rewrite("ann@far.test");
  assert.equal(back(path?.toLowerCase() as Address), "ann@far.test");
});

test("what another forwarder rewrote goes back to that one, however many there are in between", () => {
  const theirs = "SRS0=abcd=EF=first.test=ann@second.test";
  const third = rewrite(theirs);
  assert.match(third ?? "", /^SRS1=[A-Z2-7]{6}=second\.test==abcd=EF=first\.test=ann@fwd\.test$/);
  assert.equal(back(third), theirs);
  const fourth = rewrittenPath(third as Address, "fourth.test" as Domain, key, now);
  assert.match(fourth ?? "", /^SRS1=[A-Z2-7]{6}=second\.test==abcd=EF=first\.test=ann@fourth\.test$/);
  assert.equal(back(fourth), theirs);
});

test("it holds for three weeks, over the change of the month's key", () => {
  for (let start = 0; start < 40; start++) {
    const at = now + start * day;
    const path = rewrite("ann@far.test", ours, at);
    const chained = rewrite("SRS0=abcd=EF=first.test=ann@second.test", ours, at);
    assert.equal(back(path, at + validDays * day), "ann@far.test");
    assert.equal(back(chained, at + validDays * day), "SRS0=abcd=EF=first.test=ann@second.test");
    assert.equal(back(path, at + (validDays + 1) * day), undefined);
    assert.equal(back(path, at + 200 * day), undefined);
  }
});

test("a key that was replaced still opens, a strange one does not", () => {
  const path = rewrite("ann@far.test");
  assert.equal(back(path, now, [older, key]), "ann@far.test");
  assert.equal(back(path, now, [older]), undefined);
});

const wrong = [
  "SRS0=AAAAAA=AA=far.test=ann@fwd.test",
  "SRS0=AAAAAA@fwd.test",
  "SRS0=@fwd.test",
  "SRS1=AAAAAA=second.test==x@fwd.test",
  "SRS1=x@fwd.test",
  "ann@fwd.test",
];
for (const path of wrong)
  test(`${path} is none of ours`, () => assert.equal(back(path as Address), undefined));

test("an altered path is none of ours", () => {
  const path = rewrite("ann@far.test") as string;
  assert.equal(back(path.replace("ann", "bob") as Address), undefined);
  assert.equal(back(path.replace("far.test", "bar.test") as Address), undefined);
});

test("what would be too long, or is quoted, stays as it is", () => {
  assert.equal(rewrite(`${"x".repeat(50)}@far.test`), undefined);
  assert.equal(rewrite('"a b"@far.test'), undefined);
});

test("any path that is rewritten comes back, and no text makes it throw", () => {
  const local = fc.stringMatching(/^[a-z0-9=+_-]{1,20}$/);
  fc.assert(
    fc.property(local, fc.domain({ size: "small" }), (name, host) => {
      const path = `${name}@${host}`;
      const made = rewrite(path);
      if (made !== undefined && !/^SRS/i.test(name)) assert.equal(back(made), path);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void back(`SRS0=${text}@fwd.test` as Address)));
  fc.assert(fc.property(fc.string(), (text) => void rewrite(`SRS1=${text}@far.test`)));
});
