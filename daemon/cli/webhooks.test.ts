import assert from "node:assert/strict";
import { test } from "node:test";
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
});

test("a hook whose name there is in several namespaces is told apart", () => {
  const hook = "policy:default:crm";
  assert.throws(
    () => mustBeOne(["shop", "team-a"], { hook }),
    /in each of shop, team-a: say which with --namespace/,
  );
  mustBeOne(["shop"], { hook });
  mustBeOne([], { hook });
});
