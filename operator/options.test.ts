import assert from "node:assert/strict";
import { test } from "node:test";
import { operatorHelp, parseOperatorOptions, UsageError } from "./options.ts";

const parse = (...argv: string[]) =>
  parseOperatorOptions(argv, { POD_NAME: "op-1", POD_NAMESPACE: "mail" }, false);

test("a configuration is enough; the rest has defaults", () => {
  const options = parse("--config", "c.yaml");
  assert.ok(options !== "help");
  const { identity, ...rest } = options;
  assert.deepEqual(rest, {
    config: "c.yaml",
    kubeconfig: undefined,
    listen: { host: "0.0.0.0", port: 8025 },
    workers: 16,
    graceMs: 20_000,
    logLevel: undefined,
    logFormat: "json",
    pod: "op-1",
    namespace: "mail",
  });
  assert.match(identity, /^op-1_[0-9a-f-]{36}$/);
});

test("two lives of one pod are two candidates", () => {
  const [one, two] = [parse("--config", "c"), parse("--config", "c")];
  assert.ok(one !== "help" && two !== "help");
  assert.notEqual(one.identity, two.identity);
});

test("all problems are told together, each with its remedy", () => {
  const argv = [
    "--listen",
    "here",
    "--workers",
    "0",
    "--grace",
    "x",
    "--log-level",
    "loud",
    "--log-format",
    "xml",
    "y",
  ];
  assert.throws(
    () => parse(...argv),
    (error) => {
      assert.ok(error instanceof UsageError);
      const flags = ["y:", "--config:", "--listen here:", "--workers 0:", "--grace x:", "--log-level loud:"];
      for (const flag of [...flags, "--log-format xml:"])
        assert.ok(error.message.includes(`\n  ${flag}`), flag);
      return true;
    },
  );
});

test("an unknown flag is answered with the help", () => {
  assert.throws(() => parse("--confg", "c"), { name: "UsageError", message: /--confg.*--config FILE/s });
});

test("help is asked for", () => {
  assert.equal(parse("--help"), "help");
  assert.match(operatorHelp, /--kubeconfig/);
});

test("an IPv6 address keeps its colons", () => {
  const options = parse("--config", "c", "--listen", "[::]:0");
  assert.ok(options !== "help");
  assert.deepEqual(options.listen, { host: "::", port: 0 });
});
