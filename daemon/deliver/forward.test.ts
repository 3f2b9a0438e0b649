/** Forwarding what was queued before its domain came to be forwarded, over the memory queue. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draft, inline } from "../../test/contract/queue.ts";
import { liveOf, type Resources } from "../../test/harness/directory.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { jobsFor } from "../accept/jobs.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { Queued } from "../queue/job.ts";
import { MemoryQueue } from "../queue/memory.ts";
import type { NewJob } from "../queue/queue.ts";
import { forwardJob } from "./forward.ts";

const to = (...names: string[]) => names.map((address) => ({ address: address as Address }));
const ours = (targets: readonly string[]): Resources => ({
  domains: { "old.example": { delivery: { forward: { to: targets } } } },
});

async function world(resources: Resources, over: Partial<NewJob> = {}) {
  const clock = new FakeClock();
  const queue = new MemoryQueue(clock);
  const { signal } = new AbortController();
  const job = draft({
    class: "local",
    destination: "old.example" as Domain,
    recipients: to("a@old.example", "b@old.example"),
    ...over,
  });
  await queue.accept({ jobs: [job], body: inline("Subject: hi\r\n\r\nhello\r\n") }, signal);
  const all = async () => {
    const found: Queued[] = [];
    for await (const queued of queue.list()) found.push(queued);
    return found;
  };
  const [queued] = await all();
  assert.ok(queued);
  const forward = () =>
    forwardJob({ queued, live: liveOf(resources), queue, makeJobs: jobsFor, now: clock.now(), signal });
  const sent = async () => (await all()).filter(({ job: { message } }) => message !== job.message);
  return { queue, forward, sent, job };
}

test("the targets get a message of their own with the same octets and sender, counted as one more hop", async () => {
  const { queue, forward, sent, job } = await world(ours(["x@new.example", "y@other.example"]), { hops: 2 });
  const outcomes = await forward();
  assert.deepEqual(
    outcomes.map((o) => o.kind === "delivered" && o.how),
    ["expanded", "expanded"],
  );
  const messages = await sent();
  assert.deepEqual(
    messages.map(({ job: { recipients, hops, sender } }) => [recipients[0]?.address, hops, sender.path]),
    [
      ["x@new.example", 3, job.sender.path],
      ["y@other.example", 3, job.sender.path],
    ],
  );
  for (const queued of messages)
    for await (const octets of queue.body(queued))
      assert.equal(Buffer.from(octets).toString(), "Subject: hi\r\n\r\nhello\r\n");
});

const refusals = [
  {
    name: "forwarded too often: failed",
    resources: ours(["x@new.example"]),
    over: { hops: 10 },
    want: "failed 5.4.6",
  },
  {
    name: "a domain that is forwarded no more: tried again, by its new way",
    resources: { domains: { "old.example": {} } },
    want: "deferred 4.3.5",
  },
  {
    name: "no target that can be reached: waits for the resource to be corrected",
    resources: { domains: { ...ours(["x@gone.example"]).domains, "gone.example": {} } },
    want: "deferred 4.3.5",
  },
] as const;

for (const { name, resources, want, ...rest } of refusals)
  test(name, async () => {
    const { forward, sent } = await world(resources, "over" in rest ? rest.over : {});
    const brief = (await forward()).map(({ kind, reply }) => `${kind} ${reply.enhanced}`);
    assert.deepEqual(brief, [want, want]);
    assert.deepEqual(await sent(), []);
  });

test("a store that does not take the message: tried again", async () => {
  const { queue, forward, sent } = await world(ours(["x@new.example"]));
  queue.fail();
  assert.ok((await forward()).every(({ kind, reply }) => kind === "deferred" && reply.enhanced === "4.3.0"));
  queue.heal();
  assert.deepEqual(await sent(), []);
});
