/**
 * Evaluates the CEL rules of a schema (`x-kubernetes-validations`) the way the API server does.
 *
 * In:     a schema, a value that fits it with defaults applied, and the value it replaces, if any.
 * Out:    a fault per rule that is not fulfilled, with the rule's own message.
 * Fails:  a rule that cannot be compiled throws when the schema is compiled; one that cannot be evaluated is a fault.
 * Spec:   Kubernetes "Validation rules": `self` is the value at the rule's place; a rule that names `oldSelf` runs only
 *         on updates, and only where the old value can be told apart (not inside lists that are no maps).
 */
import type { CelInput, CelResult } from "@bufbuild/cel";
import { isRecord } from "./defaults.ts";
import type { Path } from "./problem.ts";
import type { Rule, Schema } from "./schema.ts";
import type { Fault } from "./shape.ts";

export interface RuleFault extends Fault {
  /** The rule was not broken: it could not be evaluated. */
  readonly failed?: true;
}

export type RuleCheck = (value: unknown, old?: unknown) => readonly RuleFault[];

type Program = (bindings: Record<string, CelInput>) => CelResult;
interface Tools {
  readonly compile: (rule: string) => Program;
  readonly isError: (result: unknown) => boolean;
}

/** The rules of one place in the schema, and of the places below it. */
interface Node {
  readonly schema: Schema;
  readonly rules: readonly { readonly rule: Rule; readonly program: Program; readonly transition: boolean }[];
  readonly fields: ReadonlyMap<string, Node>;
  readonly items: Node | undefined;
}

/** CEL is loaded when the first schema is compiled: a daemon that only runs never pays for it. */
export async function compileRules(schema: Schema): Promise<RuleCheck> {
  const tools = await loadTools();
  const root = compileNode(schema, tools);
  return (value, old) => (root ? evaluate(root, value, old, [], tools) : []);
}

async function loadTools(): Promise<Tools> {
  const [cel, { strings }] = await Promise.all([import("@bufbuild/cel"), import("@bufbuild/cel/ext")]);
  const patterns = new Map<string, RegExp>();
  // The package's own RE2 takes milliseconds for a domain's pattern; the patterns here mean the same in both engines.
  const compilePattern = (pattern: string): RegExp => {
    const compiled = patterns.get(pattern) ?? new RegExp(pattern, "u");
    patterns.set(pattern, compiled);
    return compiled;
  };
  const env = cel.celEnv({ funcs: strings, re2: { compile: compilePattern } });
  return {
    compile: (rule) => cel.plan(env, cel.parse(rule)) as Program,
    isError: cel.isCelError,
  };
}

function compileNode(schema: Schema, tools: Tools): Node | undefined {
  const rules = (schema["x-kubernetes-validations"] ?? []).map((rule) => ({
    rule,
    program: tools.compile(rule.rule),
    transition: /\boldSelf\b/.test(rule.rule),
  }));
  const fields = new Map<string, Node>();
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const node = compileNode(field, tools);
    if (node) fields.set(name, node);
  }
  const items = schema.items && compileNode(schema.items, tools);
  return rules.length > 0 || fields.size > 0 || items ? { schema, rules, fields, items } : undefined;
}

function evaluate(node: Node, value: unknown, old: unknown, path: Path, tools: Tools): RuleFault[] {
  const faults: RuleFault[] = [];
  for (const { rule, program, transition } of node.rules) {
    if (transition && old === undefined) continue;
    const bindings: Record<string, CelInput> = { self: toCel(node.schema, value) };
    if (transition) bindings["oldSelf"] = toCel(node.schema, old);
    const result = program(bindings);
    if (result === true) continue;
    if (!tools.isError(result)) faults.push({ path, message: rule.message });
    else faults.push({ path, message: `${rule.message} (${String(result)})`, failed: true });
  }
  if (isRecord(value)) {
    for (const [name, field] of node.fields) {
      if (value[name] === undefined) continue;
      const oldField = isRecord(old) ? old[name] : undefined;
      faults.push(...evaluate(field, value[name], oldField, [...path, name], tools));
    }
  }
  if (Array.isArray(value) && node.items) {
    const { items } = node;
    const oldItem = correlate(node.schema, old);
    faults.push(...value.flatMap((item, i) => evaluate(items, item, oldItem(item), [...path, i], tools)));
  }
  return faults;
}

/** The old item with the same keys, in a list that is a map; elsewhere there is none. */
function correlate(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (!Array.isArray(old) || !keys) return () => undefined;
  const idOf = (item: unknown) => JSON.stringify(isRecord(item) ? keys.map((key) => item[key]) : item);
  const byId = new Map(old.map((item) => [idOf(item), item]));
  return (item) => byId.get(idOf(item));
}

/** CEL tells whole numbers from others; the schema knows which is which. */
function toCel(schema: Schema, value: unknown): CelInput {
  if (typeof value === "number") {
    const whole = schema.type === "integer" || schema["x-kubernetes-int-or-string"] === true;
    return whole && Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(schema.items ?? {}, item));
  if (isRecord(value)) {
    const entries = Object.entries(value).map(
      ([key, field]) => [key, toCel(schema.properties?.[key] ?? {}, field)] as const,
    );
    return new Map(entries);
  }
  return value as CelInput;
}
