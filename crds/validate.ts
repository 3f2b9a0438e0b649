/**
 * Reads resource files and finds everything that is wrong with them, all at once.
 *
 * In:     files with any number of YAML documents, the resources that were in force before, if any, and what the caller
 *         knows better than we do, such as the language of a field.
 * Out:    resources with defaults applied, Secrets, and problems with file, line, field and remedy.
 * Fails:  never for what a file holds; problems say it. Only with no problems may the resources be used.
 * Spec:   the schemas and CEL rules of the CRDs beside this module; the same words as `kubectl apply` where it has any.
 */
import { withDefaults } from "./defaults.ts";
import { readDocuments, type Source } from "./documents.ts";
import { openEnvelope, type RawResource } from "./envelope.ts";
import { meaningFaults } from "./meaning.ts";
import { fieldOf, type Problem, sortProblems } from "./problem.ts";
import { referenceProblems } from "./references.ts";
import { type Placed, problemAt, type Resource, type Secret, titleOf } from "./resource.ts";
import { compileRules, type RuleCheck } from "./rules.ts";
import { type Kind, kinds, loadKinds, type Schema } from "./schema.ts";
import { compileShape, type Fault, type ShapeCheck } from "./shape.ts";

export interface Checked {
  readonly resources: readonly Resource[];
  readonly secrets: readonly Secret[];
  readonly problems: readonly Problem[];
}

/** Asked about resources that are otherwise well; paths go from the resource on: `["spec", "sieve"]`. */
export type MoreChecks = (resource: Resource) => readonly Fault[];

interface Checks {
  readonly schema: Schema;
  readonly shape: ShapeCheck;
  readonly rules: RuleCheck;
}

let compiled: Promise<ReadonlyMap<Kind, Checks>> | undefined;

function loadChecks(): Promise<ReadonlyMap<Kind, Checks>> {
  compiled ??= compileAll();
  return compiled;
}

async function compileAll(): Promise<ReadonlyMap<Kind, Checks>> {
  const schemas = await loadKinds();
  const checks = new Map<Kind, Checks>();
  for (const kind of kinds) {
    const schema = schemas.get(kind);
    if (!schema) throw new Error(`no schema for ${kind}`);
    checks.set(kind, { schema, shape: await compileShape(schema), rules: await compileRules(schema) });
  }
  return checks;
}

export async function validate(
  sources: readonly Source[],
  before: readonly Resource[] = [],
  more: MoreChecks = () => [],
): Promise<Checked> {
  const checks = await loadChecks();
  const old = new Map<string, Resource>(before.map((resource) => [titleOf(resource), resource]));
  const problems: Problem[] = [];
  const resources: Placed<Resource>[] = [];
  const secrets: Placed<Secret>[] = [];
  const broken: RawResource[] = [];
  for (const source of sources) {
    const read = readDocuments(source);
    problems.push(...read.problems);
    for (const document of read.documents) {
      const opened = openEnvelope(document, problems);
      if (opened === undefined) continue;
      if (opened.kind === "Secret") {
        secrets.push(opened);
        continue;
      }
      const { resource, faults } = checkOne(opened, checks.get(opened.kind), old.get(titleOf(opened))?.spec);
      if (faults.length === 0) faults.push(...more(resource));
      problems.push(...faults.map(({ path, message }) => problemAt(resource, path, message)));
      if (faults.length === 0) resources.push(resource);
      else broken.push(opened);
    }
  }
  problems.push(...referenceProblems({ resources, secrets, broken }));
  return {
    resources: resources.map(withoutPlace),
    secrets: secrets.map(withoutPlace),
    problems: sortProblems(problems),
  };
}

function withoutPlace<T>({ place: _, ...rest }: Placed<T>): T {
  return rest as T;
}

function checkOne(
  raw: RawResource,
  checks: Checks | undefined,
  old: unknown,
): { readonly resource: Placed<Resource>; readonly faults: Fault[] } {
  if (!checks) throw new Error(`no checks for ${raw.kind}`);
  const spec = withDefaults(checks.schema, raw.spec ?? {});
  const resource = { ...raw, spec } as Placed<Resource>;
  const faults = faultsOf(checks, spec, old).map(({ path, message }) => ({
    path: ["spec", ...path],
    message,
  }));
  return { resource, faults: faults.length > 0 ? faults : [...meaningFaults(resource)] };
}

/** Where schema and rule speak of the same value, the rule knows the better words. */
function faultsOf(checks: Checks, spec: unknown, old: unknown): readonly Fault[] {
  const shape = checks.shape(spec);
  if (shape.some(({ blocking }) => blocking)) return shape;
  const rules = checks.rules(spec, old).filter(({ failed }) => !failed || shape.length === 0);
  const places = new Set(rules.map(({ path }) => fieldOf(path)));
  return [...shape.filter(({ path }) => !places.has(fieldOf(path))), ...rules];
}
