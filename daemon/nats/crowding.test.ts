/** What one namespace's pools may take of the stream of leases, against a real nats-server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import { GroupCommit } from "./commit.ts";
import { NAMESPACE_RECORDS, refuseCrowd } from "./crowding.ts";
import { ensureQueueStreams } from "./streams.ts";
import { suspend } from "./suspensions.ts";

const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
const pool = (policy: string) => ({ class: "relay" as const, policy: policy as PolicyName });

test("a namespace has so many records: its next pool waits, those that it has and other namespaces begin", async (t) => {
  await using nats = await startNats(t);
  await using link = await linkTo(nats);
  await ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  const hold = async (name: string) => {
    for (let p = 0; p < 4; p++) await link.nc.request(`own.${name}.p.${p}`, "{}");
  };
  for (const name of ["team.relay-one", "team.relay-two", "teamwork.relay-one"]) await hold(name);
  await suspend(link, {
    policy: "team/one" as PolicyName,
    since: 1,
    reason: "what is suspended is no lease",
  });
  await refuseCrowd(link, pool("team/three"), 4, 12);
  await hold("team.relay-three");
  await assert.rejects(refuseCrowd(link, pool("team/four"), 4, 12), {
    name: "NamespaceCrowded",
    message: /namespace team have 12 records already, of 12 .* remove those that are not needed/,
  });
  await refuseCrowd(link, pool("team/three"), 4, 12);
  await refuseCrowd(link, pool("teamwork/two"), 4, 12);
  await assert.rejects(refuseCrowd(link, { class: "local", namespace: "team" as never }, 4, 12), {
    name: "NamespaceCrowded",
  });
  await refuseCrowd(link, { class: "relay" }, 64, 12);
});

test("what a namespace may have is less than a sixth of the stream, however long its names are", async (t) => {
  await using nats = await startNats(t);
  await using link = await linkTo(nats);
  await ensureQueueStreams(link, { shards: 1, partitions: 64 }, sizes);
  const commit = new GroupCommit(link, { stream: "OWN", log: silent, clock: systemClock });
  const subject = (p: number) => `own.${"n".repeat(63)}.relay-${"p".repeat(253)}.p.${p}`;
  const data = Buffer.from(JSON.stringify({ holder: "h".repeat(12), since: Date.now() }));
  const entries = Array.from({ length: 64 }, (_, p) => ({ subject: subject(p), data, expect: 0 }));
  await commit.commit(entries);
  const { state, config } = (await link.nc.request("$JS.API.STREAM.INFO.OWN", "")).json<{
    readonly state: { readonly bytes: number; readonly messages: number };
    readonly config: { readonly max_bytes: number };
  }>();
  const all = (NAMESPACE_RECORDS * state.bytes) / state.messages;
  assert.ok(all < config.max_bytes / 6, `${all} octets`);
});
