/** Orders about sites, where the policy is not there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Installation } from "../../operate/installation.ts";
import type { Asking } from "../route.ts";
import { siteRoutes } from "./sites.ts";

function open(suspended: readonly string[]) {
  const ordered: string[] = [];
  const installation = {
    live: { current: () => ({ policy: () => undefined }) },
    suspensions: {
      of: (policy: string, site: string) =>
        suspended.includes(`${policy} ${site}`) ? { policy, site, since: 1, reason: "" } : undefined,
    },
    suspend: async () => assert.fail("nothing can be suspended"),
    resume: async ({ policy, site }: { policy: string; site: string }) =>
      void ordered.push(`${policy} ${site}`),
  } as unknown as Installation;
  const routes = siteRoutes(installation);
  const order = async (id: string) => {
    const body = { policy: "shop/gone", site: "mx.example#0123abcd" };
    await routes.find((route) => route.id === id)?.handle({ body } as never, {} as Asking);
  };
  return { order, ordered };
}

test("a site of a policy that is gone can be resumed, and not suspended", async () => {
  const { order, ordered } = open(["shop/gone mx.example"]);
  await order("resumeSite");
  assert.deepEqual(ordered, ["shop/gone mx.example"]);
  await assert.rejects(order("suspendSite"), { status: 404 });
});

test("what is not suspended, of a policy that is not there, is nothing to resume", async () => {
  await assert.rejects(open([]).order("resumeSite"), { status: 404 });
});
