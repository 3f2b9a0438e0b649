import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { draft } from "../../test/contract/queue.ts";
import type { Domain } from "../mail/address.ts";
import type { PolicyName } from "../queue/job.ts";
import {
  decodeJob,
  encodeJob,
  hash,
  keyOf,
  makeKey,
  partitionOf,
  policyTokens,
  shardOfKey,
  subjectOf,
} from "./codec.ts";

test("a record comes back as it went, whatever its body holds", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.string(), (octets, helo) => {
      const base = draft({ origin: { client: "192.0.2.1", helo, protocol: "ESMTP" } });
      const job = { ...base, body: { kind: "inline", size: octets.length } as const };
      const subject = subjectOf(makeKey(0, 64, job));
      const back = decodeJob(subject, 7, encodeJob(job, octets));
      assert.deepEqual(back?.job, job);
      assert.deepEqual(Buffer.from(back?.inline ?? []), Buffer.from(octets));
      assert.deepEqual([back?.key, back?.revision], [keyOf(subject), 7]);
    }),
  );
});

test("a record whose body lies elsewhere carries none", () => {
  const job = { ...draft(), body: { kind: "stored", id: "x", chunks: 2, size: 400_000 } as const };
  assert.equal(decodeJob("q0.a", 1, encodeJob(job, undefined))?.inline, undefined);
});

test("an inline body that is not at hand is refused instead of lost", () => {
  const job = { ...draft(), body: { kind: "inline", size: 5 } as const };
  assert.throws(() => encodeJob(job, undefined), { name: "BodyMissing" });
  assert.throws(() => encodeJob(job, Buffer.from("four")), { name: "BodyMissing" });
});

test("a marker is no job; what is not ours is an error", () => {
  assert.equal(decodeJob("q0.a", 1, new Uint8Array()), undefined);
  assert.throws(() => decodeJob("q0.a", 1, Buffer.from("no line end")), SyntaxError);
});

test("keys say shard and partition, and dots in policy names do not break them", () => {
  fc.assert(
    fc.property(
      fc.nat(7),
      fc.domain(),
      fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
      (shard, domain, name) => {
        const policy = `ns/${name}` as PolicyName;
        const key = makeKey(shard, 64, { ...draft({ destination: domain as Domain, policy }) });
        assert.equal(key.split(".").length, 7);
        assert.equal(key.split(".").slice(2, 4).join("."), policyTokens(policy));
        assert.deepEqual(
          [shardOfKey(key), partitionOf(key), partitionOf(subjectOf(key))],
          [shard, hash(domain) % 64, hash(domain) % 64],
        );
      },
    ),
  );
});

test("the hash is what it was: keys of queued jobs depend on it", () => {
  assert.deepEqual(["", "a", "example.org"].map(hash), [2_166_136_261, 3_826_002_220, 764_291_505]);
});
