/**
 * What is wrong with a resource file: always a place and a remedy.
 */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** `Mailbox default/alice`, when the document got that far. */
  readonly resource?: string;
  /** `spec.aliases[0].to`; `""` is the whole document. */
  readonly field: string;
  /** What is wrong and what to do, without a final dot. */
  readonly message: string;
}

/** `mail.yaml:12: Mailbox default/alice: spec.quota: …` */
export function formatProblem({ file, line, resource, field, message }: Problem): string {
  const where = [resource, field].filter((part) => part !== undefined && part !== "").join(": ");
  return `${file}:${line}: ${where === "" ? "" : `${where}: `}${message}`;
}

/** A step into a value: a field's name or an item's number. */
export type Path = readonly (string | number)[];

/** `spec.aliases[0].to[1]`; names that are no identifiers are quoted: `spec["a b"]`. */
export function fieldOf(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** File order, then line order, each problem once. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const once = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...once.values()].sort(
    (a, b) => compare(a.file, b.file) || a.line - b.line || compare(a.field, b.field),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
