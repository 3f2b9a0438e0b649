/**
 * Checks what comes in against its schema. Text from a path or a query becomes the number or truth value that is wanted.
 *
 * Fails: `ApiProblem` 400 with every fault, named.
 */
import type { ErrorObject, ValidateFunction } from "ajv";
import { ApiProblem } from "./problem.ts";
import { components, type Schema } from "./schema.ts";

export type Checker = (value: unknown) => unknown;

/** ajv is loaded when the API is served: a daemon without it never pays for it. */
export async function openChecks(): Promise<{
  text(schema: Schema<unknown>): Checker;
  json(schema: Schema<unknown>): Checker;
}> {
  const { Ajv2020 } = await import("ajv/dist/2020.js");
  const common = { allErrors: true, strict: false, validateFormats: false } as const;
  const shared = { components: { schemas: components() } };
  const compile = (schema: Schema<unknown>, coerceTypes: boolean): ValidateFunction =>
    new Ajv2020({ ...common, coerceTypes }).compile({ ...schema.json, ...shared });
  // Compiled with the first question: all of them would take more than a second.
  const checker = (schema: Schema<unknown>, coerceTypes: boolean, what: string): Checker => {
    let compiled: ValidateFunction | undefined;
    return (value) => {
      compiled ??= compile(schema, coerceTypes);
      if (compiled(value)) return value;
      throw new ApiProblem(400, `${what}: ${(compiled.errors ?? []).map(wordsOf).join("; ")}.`);
    };
  };
  return {
    text: (schema) => checker(schema, true, "The question"),
    json: (schema) => checker(schema, false, "The body"),
  };
}

function wordsOf({ instancePath, message = "is wrong", params }: ErrorObject): string {
  const where = instancePath.slice(1).replaceAll("/", ".") || "it";
  const { additionalProperty, allowedValues } = params as {
    readonly additionalProperty?: string;
    readonly allowedValues?: readonly string[];
  };
  if (additionalProperty !== undefined) return `${where} has no "${additionalProperty.slice(0, 60)}"`;
  if (allowedValues !== undefined) return `${where} is one of ${allowedValues.join(", ")}`;
  return `${where} ${message}`;
}
