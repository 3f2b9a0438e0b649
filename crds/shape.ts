/**
 * Checks a spec against its kind's schema: types, required fields, enums, patterns, bounds, unknown fields, and lists
 * that are sets or maps.
 *
 * In:     a schema, and a value with defaults applied.
 * Out:    a fault per mistake: the path, and a sentence that tells the remedy.
 * Spec:   apiextensions.k8s.io/v1 schemas; x-kubernetes-list-type, x-kubernetes-int-or-string. The API server drops
 *         unknown fields silently unless it is asked to warn; here they are always a fault.
 */
import type { ErrorObject, ValidateFunction } from "ajv";
import { isRecord } from "./defaults.ts";
import { fieldOf, type Path } from "./problem.ts";
import type { Schema } from "./schema.ts";

export interface Fault {
  /** From the spec on. */
  readonly path: Path;
  readonly message: string;
  /** The value is so far from the schema that rules about it make no sense: they are not evaluated then. */
  readonly blocking?: true;
}

export type ShapeCheck = (value: unknown) => readonly Fault[];

/** ajv is loaded when the first schema is compiled: a daemon that only runs never pays for it. */
export async function compileShape(schema: Schema): Promise<ShapeCheck> {
  const { Ajv } = await import("ajv");
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, validateFormats: false });
  const validate = ajv.compile(forAjv(schema) as object);
  return (value) => [...schemaFaults(validate, value), ...structureFaults(schema, value, [])];
}

/** An int-or-string becomes a plain union of types, whose errors are simple. */
function forAjv(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forAjv);
  if (!isRecord(schema)) return schema;
  const { anyOf, ...rest } = schema;
  if (schema["x-kubernetes-int-or-string"] === true) return { ...rest, type: ["integer", "string"] };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, forAjv(value)]));
}

/** What is said first of a value that is wrong in several ways; the rest would only repeat it. */
const weight = ["required", "type", "enum", "pattern", "minLength", "maxLength"];
const weigh = ({ keyword }: ErrorObject): number =>
  (weight.indexOf(keyword) + weight.length + 1) % (weight.length + 1);
/** As in the API server: type, required and length errors keep CEL rules from being evaluated. */
const blocking = new Set(["required", "type", "maxLength", "maxItems"]);

function schemaFaults(validate: ValidateFunction, value: unknown): Fault[] {
  validate(value);
  const faults = new Map<string, Fault>();
  for (const error of [...(validate.errors ?? [])].sort((a, b) => weigh(a) - weigh(b))) {
    const { path, message } = located(error, value);
    const id = fieldOf(path);
    const blocks = blocking.has(error.keyword) ? { blocking: true as const } : {};
    if (!faults.has(id)) faults.set(id, { path, message, ...blocks });
  }
  return [...faults.values()];
}

function located(error: ErrorObject, value: unknown): Fault {
  const path = pathOf(error.instancePath, value);
  if (error.keyword !== "required") return { path, message: sentence(error) };
  const missing = String(error.params["missingProperty"]);
  return { path: [...path, missing], message: missingSentence(error.parentSchema as Schema, missing) };
}

/** `/aliases/0/to` as steps; a number is an item only where the value is a list. */
function pathOf(pointer: string, root: unknown): Path {
  let at: unknown = root;
  return pointer
    .split("/")
    .slice(1)
    .map((escaped) => {
      const step = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
      const key = Array.isArray(at) ? Number(step) : step;
      at = (at as Readonly<Record<string | number, unknown>>)[key];
      return key;
    });
}

function missingSentence(schema: Schema, field: string): string {
  const { description, example } = schema.properties?.[field] ?? {};
  const such = example === undefined ? "" : `, such as ${example}`;
  return `is missing; write ${field}${such}${description === undefined ? "" : `. ${firstSentence(description)}`}`;
}

function sentence(error: ErrorObject): string {
  const schema = error.parentSchema as Schema & Readonly<Record<string, unknown>>;
  const given = JSON.stringify(error.data);
  switch (error.keyword) {
    case "enum":
      return `${given} is unknown; write one of ${choices(schema)}`;
    case "type":
      return typeSentence(error.data, schema, error.params["type"]);
    case "pattern":
      return `${given} does not fit; write something like ${schema.example}. ${firstSentence(schema.description ?? "")}`.replace(
        /\. $/,
        "",
      );
    case "minimum":
      return `${given} is too small; write ${error.params["limit"]} or more`;
    case "maximum":
      return `${given} is too large; write ${error.params["limit"]} or less`;
    case "minLength":
      return "must not be empty; write a value or remove the field";
    case "maxLength":
      return `is longer than ${error.params["limit"]} characters; shorten it`;
    case "minItems":
      return "must not be empty; name at least one, or remove what is around it";
    case "maxItems":
      return `holds more than ${error.params["limit"]} items; remove some`;
    default:
      return `${error.message ?? "is not valid"}; compare it with the description of the field (kubectl explain)`;
  }
}

const choices = (schema: Schema): string =>
  (schema.enum ?? [])
    .map((value) => (value === "" || value === "Off" ? JSON.stringify(value) : value))
    .join(", ");

function typeSentence(data: unknown, schema: Schema, wanted: unknown): string {
  const type = String(wanted)
    .replace("integer,string", "a whole number or text")
    .replace(/^object$/, "a map");
  const names: Readonly<Record<string, string>> = {
    string: "text",
    integer: "a whole number",
    number: "a number",
    boolean: "true or false",
    array: "a list",
  };
  const want = names[type] ?? type;
  const hint =
    type === "string" && typeof data === "boolean" && schema.enum
      ? `; YAML reads an unquoted Off, On, Yes or No as true or false, so write one of ${choices(schema)} in quotes`
      : type === "string" && (typeof data === "number" || typeof data === "boolean")
        ? "; put it in quotes"
        : "";
  return `must be ${want}, not ${kindOf(data)}${hint || `; ${remedyFor(type, schema)}`}`;
}

const remedyFor = (type: string, { example }: Schema): string => {
  if (example !== undefined) return `write something like ${example}`;
  if (type === "array") return "write [a, b], or one item a line with a dash";
  return type === "a map" ? "write {name: value}, or one field a line" : "correct it or remove the field";
};

function kindOf(data: unknown): string {
  if (data === null) return "empty";
  if (Array.isArray(data)) return "a list";
  return typeof data === "object" ? "a map" : JSON.stringify(data);
}

const firstSentence = (text: string): string => /^.*?(?=\.(?:\s|$)|$)/.exec(text)?.[0] ?? text;

/** Unknown fields, and repeated members of sets and maps. */
function structureFaults(schema: Schema, value: unknown, path: Path): Fault[] {
  if (Array.isArray(value)) {
    const inner = value.flatMap((item, i) => structureFaults(schema.items ?? {}, item, [...path, i]));
    return [...repeated(schema, value, path), ...inner];
  }
  if (!isRecord(value) || schema.type !== "object") return [];
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return Object.entries(value).flatMap(([key, field]) => {
    const known = schema.properties?.[key] ?? schema.additionalProperties ?? (open ? {} : undefined);
    return known
      ? structureFaults(known, field, [...path, key])
      : [{ path: [...path, key], message: unknownSentence(schema, key) }];
  });
}

function unknownSentence(schema: Schema, key: string): string {
  const known = Object.keys(schema.properties ?? {});
  if (known.length === 0) return "is unknown; remove it, nothing is configured in here";
  const near = known.find((name) => name.toLowerCase() === key.toLowerCase() || distance(name, key) <= 2);
  return near ? `is unknown; did you mean ${near}?` : `is unknown; the fields here are ${known.join(", ")}`;
}

/** Levenshtein's distance: how many letters to change, add or drop. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function repeated(schema: Schema, list: readonly unknown[], path: Path): Fault[] {
  const type = schema["x-kubernetes-list-type"];
  if (type !== "set" && type !== "map") return [];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Map<string, number>();
  return list.flatMap((item, i) => {
    const identity = type === "set" ? item : isRecord(item) ? keys.map((key) => item[key]) : undefined;
    const id = JSON.stringify(identity);
    const first = seen.get(id);
    seen.set(id, first ?? i);
    if (first === undefined || identity === undefined) return [];
    return [
      { path: [...path, i], message: `repeats ${fieldOf(["spec", ...path, first])}; remove one of them` },
    ];
  });
}
