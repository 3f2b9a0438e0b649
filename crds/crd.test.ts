/**
 * What a real API server asks of the CRDs, checked without one: it refuses a CRD whose defaults break its own rules, or
 * whose rules could cost too much, since lists and texts have no bounds.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { isRecord, withDefaults } from "./defaults.ts";
import { fieldOf, type Path } from "./problem.ts";
import { compileRules } from "./rules.ts";
import { crdFile, kinds, loadSchema, type Schema } from "./schema.ts";
import { compileShape } from "./shape.ts";
import { defaultRelayPolicy } from "./types.ts";

interface Place {
  readonly path: Path;
  readonly schema: Schema & Readonly<Record<string, unknown>>;
}

const keywords = new Set(
  `type title description example format properties required items enum default anyOf pattern additionalProperties
   minimum maximum minLength maxLength minItems maxItems x-kubernetes-int-or-string x-kubernetes-list-type
   x-kubernetes-list-map-keys x-kubernetes-validations x-kubernetes-preserve-unknown-fields`.split(/\s+/),
);

function* placesOf(schema: Schema, path: Path = []): Iterable<Place> {
  yield { path, schema: schema as Place["schema"] };
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    yield* placesOf(field, [...path, name]);
  if (schema.items) yield* placesOf(schema.items, [...path, 0]);
  if (schema.additionalProperties) yield* placesOf(schema.additionalProperties, [...path, 0]);
}

const read = async (kind: (typeof kinds)[number]) => parse(await readFile(crdFile(kind), "utf8"));

for (const kind of kinds) {
  const root = await loadSchema(kind);
  const places = [...placesOf(root)];

  test(`${kind}: every default fits its schema and its rules as it is written, and again when it is filled in`, async () => {
    for (const { path, schema } of places) {
      if (schema.default === undefined) continue;
      const shape = await compileShape(schema);
      const rules = await compileRules(schema);
      for (const value of [schema.default, withDefaults(schema, schema.default)]) {
        assert.deepEqual([...shape(value), ...rules(value)], [], fieldOf(path));
      }
    }
  });

  test(`${kind}: what a default says in full is what the fields say one by one`, () => {
    for (const { path, schema } of places) {
      if (!isRecord(schema.default) || schema.properties === undefined) continue;
      const own = Object.entries(schema.properties).filter(([, field]) => field.default !== undefined);
      const filled = withDefaults(schema, schema.default);
      for (const [name, field] of own)
        assert.deepEqual(
          (filled as Record<string, unknown>)[name],
          withDefaults(field, field.default),
          fieldOf([...path, name]),
        );
    }
  });

  /** A comma in a description that is not quoted would make keywords of its rest. */
  test(`${kind}: schemas hold only keywords that the API server knows`, () => {
    for (const { path, schema } of places)
      assert.deepEqual(
        Object.keys(schema).filter((key) => !keywords.has(key)),
        [],
        fieldOf(path),
      );
  });

  test(`${kind}: rules see only bounded lists and texts`, () => {
    const ruled = (path: Path) =>
      places.some((other) => {
        const above = other.path.every((step, i) => step === path[i]) && other.path.length <= path.length;
        return above && other.path.length > 0 && other.schema["x-kubernetes-validations"] !== undefined;
      });
    for (const { path, schema } of places) {
      if (path[0] !== "spec" || schema.enum) continue;
      if (schema.type === "array") assert.ok(schema["maxItems"], `${fieldOf(path)} has no maxItems`);
      if (schema.type === "string" && ruled(path))
        assert.ok(schema["maxLength"], `${fieldOf(path)} has no maxLength`);
    }
  });

  test(`${kind}: every field of the spec explains itself`, () => {
    const obvious = new Set(["port", "name", "key", "usernameKey", "passwordKey", "to"]);
    for (const { path, schema } of places) {
      const last = path.at(-1);
      if (path[0] !== "spec" || path.length < 2 || typeof last === "number" || obvious.has(String(last)))
        continue;
      assert.match(schema.description ?? "", /\.$/, fieldOf(path));
    }
  });

  test(`${kind}: patterns come with an example that fits`, () => {
    for (const { path, schema } of places) {
      const { pattern } = schema;
      if (typeof pattern !== "string") continue;
      assert.match(schema.example ?? "", new RegExp(pattern, "u"), fieldOf(path));
    }
  });

  test(`${kind}: columns and subresources point at fields that exist`, async () => {
    const { names, versions } = (await read(kind)).spec;
    const [version] = versions;
    const { scale = {} } = version.subresources;
    const columns = version.additionalPrinterColumns.map((column: { jsonPath: string }) => column.jsonPath);
    for (const pointer of [...columns, ...Object.values(scale)] as string[]) {
      if (pointer.startsWith(".metadata.")) continue;
      const path = pointer.replace(/\[.*$/, "").split(".").slice(1).join(".");
      assert.ok(
        places.some((place) => fieldOf(place.path) === path),
        pointer,
      );
    }
    assert.deepEqual(version.subresources.status, {});
    assert.deepEqual(names.categories, ["mail"]);
  });
}

test("short names are md, mbx and rp, and only RelayPolicy scales", async () => {
  const crds = await Promise.all(kinds.map(read));
  assert.deepEqual(
    crds.map(({ spec }) => spec.names.shortNames),
    [["md"], ["mbx"], ["rp"]],
  );
  assert.deepEqual(
    crds.map(({ spec }) => "scale" in spec.versions[0].subresources),
    [false, false, true],
  );
});

test("the built-in policy is what an empty spec means", async () => {
  const spec = (await loadSchema("RelayPolicy")).properties?.["spec"] ?? assert.fail("no spec");
  assert.deepEqual(defaultRelayPolicy, withDefaults(spec, {}));
  assert.equal(defaultRelayPolicy.route, undefined, "kubectl apply would merge a smarthost into a default");
  assert.deepEqual(defaultRelayPolicy.acceptFrom.cidrs, []);
});
