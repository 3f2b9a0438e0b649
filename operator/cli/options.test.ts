import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePluginOptions } from "./options.ts";

const none = {
  operands: [],
  global: [],
  namespace: undefined,
  about: undefined,
  allNamespaces: false,
  json: false,
  zone: false,
  output: undefined,
};

const good = [
  { argv: ["status"], want: { ...none, command: "status" } },
  { argv: ["status", "-A"], want: { ...none, command: "status", allNamespaces: true } },
  {
    argv: ["--context", "prod", "dns", "example.org", "--zone", "-n", "mail"],
    want: {
      ...none,
      command: "dns",
      operands: ["example.org"],
      global: ["--context=prod"],
      zone: true,
      namespace: "mail",
    },
  },
  {
    argv: ["queue", "list", "--filter", "state=due", "--json", "-n", "mail", "--context=prod"],
    want: {
      ...none,
      command: "queue",
      operands: ["list", "--filter", "state=due", "--json"],
      global: ["--context=prod"],
      namespace: "mail",
    },
  },
  {
    argv: ["webhooks", "again", "--hook", "policy:default:crm", "--all", "--namespace", "shop", "-n", "mail"],
    want: {
      ...none,
      command: "webhooks",
      operands: ["again", "--hook", "policy:default:crm", "--all", "--namespace=shop"],
      namespace: "mail",
      about: "shop",
    },
  },
  {
    argv: ["queue", "list", "--namespace", "mail"],
    want: { ...none, command: "queue", operands: ["list"], namespace: "mail" },
  },
  { argv: ["queue", "--help"], want: { ...none, command: "queue", operands: ["--help"] } },
] as const;

for (const { argv, want } of good)
  test(`kubectl postfleet ${argv.join(" ")}`, () => assert.deepEqual(parsePluginOptions(argv), want));

const bad = [
  { argv: ["stauts"], why: /no command "stauts"[\s\S]*status \[DOMAIN\]/ },
  { argv: ["dns"], why: /dns: give one DOMAIN/ },
  { argv: ["suspend", "a", "b"], why: /suspend: give one POLICY/ },
  { argv: ["status", "--frobnicate"], why: /--frobnicate/ },
] as const;

for (const { argv, why } of bad)
  test(`kubectl postfleet ${argv.join(" ")} is refused`, () => {
    assert.throws(() => parsePluginOptions(argv), { name: "PluginError", code: 2, message: why });
  });

test("without a command, and when asked, it helps", () => {
  assert.equal(parsePluginOptions([]), "help");
  assert.equal(parsePluginOptions(["--help"]), "help");
  assert.equal(parsePluginOptions(["dns", "-h"]), "help");
});
