/**
 * Fills in what a resource leaves out, as the API server does.
 *
 * In:     a schema and a value of any shape (it is not checked yet).
 * Out:    a copy with defaults in it. A default of an object is itself filled in.
 * Spec:   Kubernetes "Defaulting and Nullable": a null where the schema has a default (and is not nullable) counts as
 *         left out; defaults inside an object apply only where the object exists.
 */
import type { Schema } from "./schema.ts";

export function withDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => withDefaults(items, item)) : value;
  }
  return isRecord(value) ? objectWithDefaults(schema, value) : value;
}

function objectWithDefaults(schema: Schema, value: Readonly<Record<string, unknown>>): unknown {
  const result: Record<string, unknown> = { ...value };
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const given = result[key] ?? field.default;
    if (given !== undefined) result[key] = withDefaults(field, given);
  }
  return result;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
