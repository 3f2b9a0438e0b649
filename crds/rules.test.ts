/**
 * Every CEL rule of the CRDs once broken and once kept. A rule that is missing among the cases fails the last test.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleCase, Spec } from "../test/harness/rule-cases/case.ts";
import { ruleCases } from "../test/harness/rule-cases.ts";
import { withDefaults } from "./defaults.ts";
import { fieldOf } from "./problem.ts";
import { compileRules } from "./rules.ts";
import { type Kind, kinds, loadKinds, type Schema } from "./schema.ts";
import { compileShape } from "./shape.ts";

const schemas = await loadKinds();
const schemaOf = (kind: Kind): Schema => schemas.get(kind) ?? assert.fail(kind);
const compiled = new Map(
  await Promise.all(kinds.map(async (kind) => [kind, await compileRules(schemaOf(kind))] as const)),
);

function broken({ kind, old }: RuleCase, spec: Spec): string[] {
  const schema = schemaOf(kind);
  const before = old && withDefaults(schema, old);
  const faults = compiled.get(kind)?.(withDefaults(schema, spec), before) ?? assert.fail(kind);
  return faults.map(({ path, message }) => `${fieldOf(path)}: ${message}`);
}

for (const one of ruleCases) {
  test(`${one.kind} ${one.at}: ${one.says}`, async () => {
    const faults = broken(one, one.broken);
    assert.ok(
      faults.some((fault) => fault.startsWith(`${one.at}: ${one.says}`)),
      JSON.stringify(faults),
    );
    assert.deepEqual(broken(one, one.kept), []);
    const shape = await compileShape(schemaOf(one.kind));
    assert.deepEqual(shape(withDefaults(schemaOf(one.kind), one.kept)), []);
  });
}

test("a rule about changes says nothing when there was nothing before", () => {
  const [first] = ruleCases.filter(({ old }) => old);
  assert.ok(first);
  const { old: _, ...without } = first;
  assert.deepEqual(broken(without, first.broken), []);
});

/** Every rule in a schema, as `place: message`; items of lists as `[0]`. */
function* rulesOf(schema: Schema, at = ""): Iterable<string> {
  for (const { message } of schema["x-kubernetes-validations"] ?? []) yield `${at}: ${message}`;
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    yield* rulesOf(field, at === "" ? name : `${at}.${name}`);
  if (schema.items) yield* rulesOf(schema.items, `${at}[0]`);
}

test("no rule is missing here", () => {
  const here = ruleCases.map(({ kind, at, says }) => `${kind} ${at.replace(/\[\d+\]/g, "[0]")}: ${says}`);
  const missing = kinds.flatMap((kind) =>
    [...rulesOf(schemaOf(kind))]
      .map((rule) => `${kind} ${rule}`)
      .filter((rule) => !here.some((known) => rule.startsWith(known))),
  );
  assert.deepEqual(missing, []);
});

test("every rule's message names what to do, in at most 200 characters", () => {
  for (const kind of kinds) {
    for (const rule of rulesOf(schemaOf(kind))) {
      assert.ok(rule.length < 260, rule);
      assert.match(rule, /such as|remove|write|create|raise|needs|must be|use |name /, rule);
    }
  }
});
