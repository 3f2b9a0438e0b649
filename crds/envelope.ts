/**
 * Checks what every Kubernetes object has around its spec, and reads Secrets.
 *
 * In:     a document.
 * Out:    its kind, namespace, name and spec (not checked yet), or a Secret; a Namespace is passed over, so that a file
 *         may be handed to kubectl as it is.
 * Fails:  problems, with `undefined` when the document cannot be made sense of.
 */
import { isRecord } from "./defaults.ts";
import type { SourceDocument } from "./documents.ts";
import { fieldOf, type Path, type Problem } from "./problem.ts";
import type { Placed, Secret } from "./resource.ts";
import { apiGroup, apiVersion, type Kind, kinds } from "./schema.ts";

export interface RawResource {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly spec: unknown;
  readonly place: SourceDocument;
}

export type Report = (path: Path, message: string) => void;
type Fields = Readonly<Record<string, unknown>>;

const dnsName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** A report function that fills in the place. */
const reporter =
  (problems: Problem[], { file, lineOf }: SourceDocument, resource?: string): Report =>
  (path, message) =>
    problems.push({
      file,
      line: lineOf(path),
      ...(resource === undefined ? {} : { resource }),
      field: fieldOf(path),
      message,
    });

export function openEnvelope(
  document: SourceDocument,
  problems: Problem[],
): RawResource | Placed<Secret> | undefined {
  const { value } = document;
  const report = reporter(problems, document);
  if (!isRecord(value)) {
    report([], "a document must be a resource, with apiVersion, kind, metadata and spec");
    return undefined;
  }
  const { kind } = value;
  if (kind === "Namespace") return undefined;
  if (kind !== "Secret" && !isOurs(kind)) {
    report(["kind"], kindSentence(kind));
    return undefined;
  }
  const wanted = kind === "Secret" ? "v1" : apiVersion;
  if (value["apiVersion"] !== wanted) {
    const given = value["apiVersion"];
    const wrong = given === undefined ? "is missing" : `${JSON.stringify(given)} is not that of ${kind}`;
    report(["apiVersion"], `${wrong}; write ${wanted}`);
    return undefined;
  }
  const identity = identityOf(value["metadata"], report);
  if (!identity) return undefined;
  const named = reporter(problems, document, `${kind} ${identity.namespace}/${identity.name}`);
  if (kind === "Secret") return secretOf(value, identity, document, named);
  refuseOthers(value, ["apiVersion", "kind", "metadata", "spec", "status"], named);
  return { kind, ...identity, spec: value["spec"], place: document };
}

const isOurs = (kind: unknown): kind is Kind => kinds.some((known) => known === kind);

function kindSentence(kind: unknown): string {
  if (typeof kind !== "string") return `is missing; write one of ${kinds.join(", ")} or Secret`;
  const near = kinds.find((known) => known.toLowerCase() === kind.toLowerCase().replace(/s$/, ""));
  if (near) return `${kind} is unknown; did you mean ${near}?`;
  return `${kind} is nothing that belongs to ${apiGroup}; keep it in another file, here go ${kinds.join(", ")} and Secret`;
}

function identityOf(metadata: unknown, report: Report): { namespace: string; name: string } | undefined {
  const { name, namespace = "default" } = isRecord(metadata) ? metadata : ({} as Fields);
  if (typeof name !== "string" || !dnsName.test(name)) {
    const words = "lower-case letters, digits, - and ., such as alice";
    report(
      ["metadata", "name"],
      name === undefined ? `is missing; write a name of ${words}` : `must be a name of ${words}`,
    );
    return undefined;
  }
  if (
    typeof namespace !== "string" ||
    !dnsName.test(namespace) ||
    namespace.includes(".") ||
    namespace.length > 63
  ) {
    report(["metadata", "namespace"], "must be a name of lower-case letters, digits and -, such as default");
    return undefined;
  }
  return { namespace, name };
}

function refuseOthers(value: Fields, known: readonly string[], report: Report): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) report([key], `is unknown; the fields here are ${known.join(", ")}`);
  }
}

function secretOf(
  value: Fields,
  identity: { namespace: string; name: string },
  place: SourceDocument,
  report: Report,
): Placed<Secret> {
  refuseOthers(value, ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"], report);
  const data = new Map<string, string>();
  const { data: encoded = {}, stringData = {} } = value;
  for (const [key, item] of entriesOf(encoded, ["data"], report)) {
    const text = decoded(item);
    if (text === undefined)
      report(["data", key], "must be UTF-8 text in base64; use stringData for plain text");
    else data.set(key, withoutLineEnd(text));
  }
  // stringData wins over data, as in the API server.
  for (const [key, item] of entriesOf(stringData, ["stringData"], report))
    data.set(key, withoutLineEnd(item));
  return { kind: "Secret", ...identity, data, place };
}

function entriesOf(fields: unknown, path: Path, report: Report): (readonly [string, string])[] {
  if (!isRecord(fields)) {
    report(path, "must be a map of names to text");
    return [];
  }
  return Object.entries(fields).flatMap(([key, item]) => {
    if (typeof item === "string") return [[key, item] as const];
    report([...path, key], "must be text; put it in quotes");
    return [];
  });
}

/** Base64 as Kubernetes takes it: padded, line breaks allowed. RFC 4648 §4 */
function decoded(text: string): string | undefined {
  const packed = text.replace(/\s/g, "");
  const bytes = Buffer.from(packed, "base64");
  if (bytes.toString("base64") !== packed) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, "");
