/**
 * `postfleet check -f FILE|FOLDER…`: says everything that is wrong with resource files, and does nothing else.
 *
 * In:     arguments after `check`; `out` takes the result, `err` the problems of the call itself.
 * Out:    0: all is well. 2: there are problems, one a line: `file:line: resource: field: what to do`.
 *         `--json`: `{"resources": n, "problems": [{file, line, resource, field, message}]}`.
 */
import { parseArgs } from "node:util";
import { formatProblem, sortProblems } from "../../crds/problem.ts";
import { readSources } from "../../crds/sources.ts";
import { type Checked, type MoreChecks, validate } from "../../crds/validate.ts";
import { scriptFault } from "../sieve/check.ts";

export interface Writer {
  write(text: string): unknown;
}

const usage = "Usage: postfleet check -f FILE|FOLDER… [--json]\n";

export async function check(argv: readonly string[], out: Writer, err: Writer): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    out.write(usage);
    return 0;
  }
  const options = parseOptions(argv);
  if (typeof options === "string") {
    err.write(`postfleet check: ${options}\n${usage}`);
    return 2;
  }
  const checked = await checkPaths(options.paths);
  out.write(options.json ? asJson(checked) : asText(checked));
  return checked.problems.length === 0 ? 0 : 2;
}

/** Reads and validates what the paths name. */
export async function checkPaths(
  paths: readonly string[],
  before: Checked["resources"] = [],
): Promise<Checked> {
  const { sources, problems } = await readSources(paths);
  const checked = await validate(sources, before, scripts);
  return { ...checked, problems: sortProblems([...problems, ...checked.problems]) };
}

const scripts: MoreChecks = (resource) => {
  const message = resource.kind === "Mailbox" ? scriptFault(resource.spec.sieve) : undefined;
  return message === undefined ? [] : [{ path: ["spec", "sieve"], message }];
};

function parseOptions(argv: readonly string[]): { paths: readonly string[]; json: boolean } | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { filename: { type: "string", short: "f", multiple: true }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    // `-f a.yaml b.yaml`, as a shell's `-f *.yaml` comes out.
    const paths = [...(values.filename ?? []), ...positionals];
    if (values.filename === undefined) return "name the files or folders to check with -f";
    return { paths, json: values.json ?? false };
  } catch (error) {
    return (error as Error).message;
  }
}

const asJson = ({ resources, problems }: Checked): string =>
  `${JSON.stringify({ resources: resources.length, problems })}\n`;

function asText({ resources, secrets, problems }: Checked): string {
  const lines = problems.map((problem) => `${formatProblem(problem)}\n`);
  const summary =
    problems.length === 0
      ? `${count(resources.length, "resource")} and ${count(secrets.length, "Secret")}: no problems\n`
      : `${count(problems.length, "problem")}\n`;
  return lines.join("") + summary;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
