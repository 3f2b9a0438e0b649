/** Which pod is asked, for a command that runs inside one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Place, runInside } from "./inside.ts";
import type { Kubectl } from "./kubectl.ts";

const pod = (name: string, namespace: string, ready = "True") => ({
  metadata: { name, namespace },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] },
});

async function found(place: Partial<Place>, ...items: readonly ReturnType<typeof pod>[]): Promise<string> {
  let asked = "";
  const kubectl: Kubectl = {
    run: async () => ({ code: 0, out: JSON.stringify({ items }), error: "" }),
    async hand([, name, , namespace]) {
      asked = `${namespace}/${name}`;
      return 0;
    },
  };
  const signal = new AbortController().signal;
  await runInside(kubectl, { namespace: undefined, about: undefined, ...place }, ["queue", "list"], signal);
  return asked;
}

const table = [
  {
    name: "the one that is ready",
    place: {},
    pods: [pod("a", "mail", "False"), pod("b", "mail")],
    want: "mail/b",
  },
  { name: "none is ready", place: {}, pods: [pod("a", "mail", "False")], want: "mail/a" },
  {
    name: "where each namespace has pods of its own, one of that which is meant",
    place: { about: "shop" },
    pods: [pod("a", "team"), pod("b", "shop")],
    want: "shop/b",
  },
  {
    name: "where one set of pods sees all, one of these, whatever is meant",
    place: { about: "shop" },
    pods: [pod("a", "mail")],
    want: "mail/a",
  },
] as const;

for (const { name, place, pods, want } of table)
  test(name, async () => assert.equal(await found(place, ...pods), want));

test("where one sees nothing of the others, and nobody says which is meant, none is asked", async () => {
  const pods = [pod("a", "team"), pod("b", "shop")];
  await assert.rejects(found({}, ...pods), /in the namespaces shop, team, .* say which with -n/);
  await assert.rejects(found({ about: "other" }, ...pods), { code: 2 });
});
