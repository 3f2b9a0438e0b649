/**
 * Writes `crds/types.ts` from the schemas of the CRDs: the TypeScript view of a resource with defaults applied.
 *
 * In:     `crds/{maildomain,mailbox,relaypolicy}.yaml`; `--check` compares instead of writing.
 * Out:    one interface per `title` in a schema, `<Kind>Spec` and `<Kind>Status` per kind. A field is required when the
 *         schema requires it or gives it a default.
 * Fails:  exit 1 with a sentence when `--check` finds the file out of date, or when one title names two shapes.
 */
import { readFile, writeFile } from "node:fs/promises";
import { withDefaults } from "../crds/defaults.ts";
import { kinds, loadKinds, loadSchema, type Schema } from "../crds/schema.ts";

const target = new URL("../crds/types.ts", import.meta.url);

const comment = (text: string | undefined, indent: string): string =>
  text === undefined ? "" : `${indent}/** ${text} */\n`;

/** The shapes that have a name so far, in order of appearance. */
class Shapes {
  readonly #written = new Map<string, string>();

  all(): string {
    return [...this.#written.values()].join("\n");
  }

  /** Declares an interface and returns its name. */
  declare(name: string, schema: Schema): string {
    const required = new Set(schema.required ?? []);
    const fields = Object.entries(schema.properties ?? {}).map(([key, field]) => {
      const mark = required.has(key) || field.default !== undefined ? "" : "?";
      return `${comment(field.description, "  ")}  readonly ${key}${mark}: ${this.typeOf(field)};\n`;
    });
    if (schema["x-kubernetes-preserve-unknown-fields"]) fields.push("  readonly [field: string]: unknown;\n");
    const text = `${comment(schema.description, "")}export interface ${name} {\n${fields.join("")}}\n`;
    const before = this.#written.get(name);
    if (before !== undefined && before !== text) throw new Error(`title ${name} names two different shapes`);
    this.#written.set(name, text);
    return name;
  }

  /** Of a map, of an object that is passed on unread, or of one without fields. */
  #valueOf(schema: Schema): string {
    if (schema.additionalProperties) return this.typeOf(schema.additionalProperties);
    return schema["x-kubernetes-preserve-unknown-fields"] ? "unknown" : "never";
  }

  typeOf(schema: Schema): string {
    if (schema["x-kubernetes-int-or-string"]) return "number | string";
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    switch (schema.type) {
      case "integer":
      case "number":
        return "number";
      case "array": {
        const item = this.typeOf(schema.items ?? {});
        return item.includes("|") ? `readonly (${item})[]` : `readonly ${item}[]`;
      }
      case "object":
        if (schema.properties === undefined) return `Readonly<Record<string, ${this.#valueOf(schema)}>>`;
        if (schema.title === undefined)
          throw new Error("an object with properties needs a title to be named by");
        return this.declare(schema.title, schema);
      case "string":
      case "boolean":
        return schema.type;
      default:
        throw new Error(`cannot name the type of ${JSON.stringify(schema)}`);
    }
  }
}

async function generate(): Promise<string> {
  const shapes = new Shapes();
  for (const kind of kinds) {
    const root = await loadSchema(kind);
    const { spec, status } = root.properties ?? {};
    if (!spec || !status) throw new Error(`the CRD of ${kind} has no spec or no status`);
    shapes.declare(`${kind}Spec`, {
      ...spec,
      ...(root.description ? { description: root.description } : {}),
    });
    shapes.declare(`${kind}Status`, status);
  }
  const policy = (await loadKinds()).get("RelayPolicy");
  const defaults = JSON.stringify(withDefaults(policy ?? {}, {}), null, 2);
  const head = [
    "/**",
    " * Specs and statuses of the resources, with defaults applied. Generated from the CRDs by `make generate`: do not edit.",
    " */",
  ];
  return [
    ...head,
    shapes.all(),
    "/** What holds where no RelayPolicy named `default` is declared. */",
    `export const defaultRelayPolicy: RelayPolicySpec = ${defaults};`,
    "",
  ].join("\n");
}

const text = await generate();
if (process.argv.includes("--check")) {
  const now = await readFile(target, "utf8").catch(() => "");
  if (now !== text) {
    process.stderr.write(
      "crds/types.ts is not what the CRDs say; run `make generate` and commit the result\n",
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
}
