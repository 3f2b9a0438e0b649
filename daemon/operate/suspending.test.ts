/** How many sites of a namespace may be suspended, against a real nats-server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { until } from "../../test/harness/until.ts";
import type { SiteLabel } from "../deliver/route/types.ts";
import { silent } from "../kit/log.ts";
import { ensureQueueStreams } from "../nats/streams.ts";
import { openSuspensions, resume } from "../nats/suspensions.ts";
import type { PolicyName } from "../queue/job.ts";
import { suspendedMost, suspendNow } from "./suspending.ts";

const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
const at = (site: number, policy = "shop/default") => ({
  policy: policy as PolicyName,
  site: `mx${site}.example` as SiteLabel,
});

test("a namespace may have so many sites suspended; whole policies and other namespaces go by that", async (t) => {
  await using nats = await startNats(t);
  await using link = await linkTo(nats);
  await ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  await using suspensions = await openSuspensions(link, silent);
  const means = { link, suspensions, now: () => 1 };
  const told = (count: number) =>
    until(`${count} are told`, async () => suspensions.sites().length === count || undefined);
  await Promise.all(Array.from({ length: suspendedMost }, (_, i) => suspendNow(means, at(i), "moving")));
  await told(suspendedMost);
  const more = () => suspendNow(means, at(suspendedMost), "moving");
  await assert.rejects(more, {
    name: "CommandError",
    message: /^Namespace shop has 200 sites suspended, .* resume those .* or suspend the policy as a whole/,
  });
  await assert.rejects(suspendNow(means, at(0, "shop/other"), ""), { name: "CommandError" });
  await suspendNow(means, at(7), "another reason");
  await until("the other reason", async () => {
    const { policy, site } = at(7);
    return suspensions.of(policy, site)?.reason === "another reason" || undefined;
  });
  await suspendNow(means, { policy: "shop/default" as PolicyName }, "all of it");
  await suspendNow(means, at(0, "shopping/default"), "a neighbour");
  await told(suspendedMost + 1);
  await using neighbours = await openSuspensions(link, silent, "shopping");
  assert.deepEqual(
    neighbours.sites().map(({ policy }) => policy),
    ["shopping/default"],
    "who serves one namespace sees no other",
  );
  await resume(link, at(3));
  await told(suspendedMost);
  await more();
});
