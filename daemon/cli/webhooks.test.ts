import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../api/client/client.ts";
import type { CommandContext } from "./context.ts";
import { checkWords, mustBeOne } from "./webhooks.ts";

test("ids and --all are not said together, and --all needs a hook", () => {
  const hook = "policy:default:crm";
  for (const command of ["again", "drop"]) {
    assert.throws(
      () => checkWords(command, ["evt_1"], { all: true, hook }),
      /ids of events or --all, not both/,
    );
    assert.throws(() => checkWords(command, [], { all: true }), /needs --hook/);
    assert.throws(() => checkWords(command, [], {}), /needs the id of an event/);
    checkWords(command, [], { all: true, hook });
    checkWords(command, ["evt_1"], { all: false });
  }
  for (const command of ["dead", "waiting"])
    assert.throws(() => checkWords(command, ["a", "b"], {}), /takes one hook/);
});

function means(...namespaces: readonly string[]) {
  const webhooks = namespaces.map((namespace) => ({ namespace, hook: "policy:default:crm" }));
  const text = JSON.stringify({ webhooks, matching: webhooks.length });
  const client = new ApiClient(async () => ({ status: 200, text, version: "1" }), "1");
  const context = { signal: new AbortController().signal } as CommandContext;
  return { client, context };
}

test("a hook whose name there is in several namespaces is told apart", async () => {
  const flags = { hook: "policy:default:crm" };
  await assert.rejects(
    mustBeOne(flags, means("shop", "team-a")),
    /in each of shop, team-a: say which with --namespace/,
  );
  await mustBeOne(flags, means("shop"));
  await assert.rejects(mustBeOne({ hook: "policy:default:other" }, means("shop")), /there is no webhook/);
});
