/**
 * Cuts a YAML file into documents that remember their lines.
 *
 * In:     a file's name and text, many documents divided by `---`.
 * Out:    plain values as kubectl would read them, each with `lineOf(path)`.
 * Fails:  syntax errors become problems; the documents that can be read are still given.
 * Spec:   YAML 1.2 with the booleans and merge keys of YAML 1.1, since kubectl reads `tls: Off` as `false`, and a file
 *         must mean the same in both places.
 */
import {
  type Document,
  isCollection,
  isMap,
  LineCounter,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
} from "yaml";
import type { Path, Problem } from "./problem.ts";

export interface SourceDocument {
  readonly file: string;
  readonly line: number;
  readonly value: unknown;
  /** The line of the value at `path`, or of the nearest thing around it. */
  lineOf(path: Path): number;
}

export interface Source {
  readonly file: string;
  readonly text: string;
}

const oldBooleans: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|true|on)/i.test(text),
};

const tags = (core: Tags): Tags =>
  core.map((tag) => (typeof tag === "object" && tag.tag === oldBooleans.tag ? oldBooleans : tag));

export function readDocuments({ file, text }: Source): {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
} {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter, merge: true, customTags: tags });
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  for (const document of "empty" in parsed ? [] : parsed) {
    for (const { message, pos } of [...document.errors, ...document.warnings]) {
      const [what = ""] = message.split(/ at line \d+/);
      problems.push({
        file,
        line: lineCounter.linePos(pos[0]).line,
        field: "",
        message: syntaxMessage(what),
      });
    }
    if (document.errors.length > 0) continue;
    const read = toValue(document, file, lineCounter, problems);
    if (read !== undefined) documents.push(read);
  }
  return { documents, problems };
}

const syntaxMessage = (what: string) =>
  `this is not valid YAML: ${what.charAt(0).toLowerCase()}${what.slice(1)}`;

function toValue(
  document: Document.Parsed,
  file: string,
  lines: LineCounter,
  problems: Problem[],
): SourceDocument | undefined {
  const start = lines.linePos(document.contents?.range[0] ?? document.range[0]).line;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Aliases of aliases, meant to fill the memory.
    problems.push({ file, line: start, field: "", message: syntaxMessage(String((error as Error).message)) });
    return undefined;
  }
  if (value === null || value === undefined) return undefined;
  return { file, line: start, value, lineOf: (path) => lineOf(document, lines, path) ?? start };
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(document, path.slice(0, length));
    if (node !== undefined) return lines.linePos(node).line;
  }
  return undefined;
}

/** Where the key of the last step stands (a value may begin a line later), or the item of a list. */
function nodeAt(document: Document.Parsed, path: Path): number | undefined {
  const last = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => String(key) === String(last));
    return startOf(pair?.key);
  }
  return isCollection(parent) ? startOf(parent.get(last, true)) : undefined;
}

const startOf = (node: unknown): number | undefined =>
  (node as { range?: readonly number[] } | undefined)?.range?.[0];
