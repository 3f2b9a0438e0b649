/**
 * JSON schemas of every kind that an API server serves, in the layout that `kubeconform` reads.
 *
 * In:     a kubeconfig; the API server's `/openapi/v3`.
 * Out:    a temporary folder, and the `-schema-location` that names it.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "./tools.ts";

type Schema = { [key: string]: unknown };
interface Document {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const kindsOf = (schema: Schema) =>
  (schema["x-kubernetes-group-version-kind"] ?? []) as readonly {
    group: string;
    version: string;
    kind: string;
  }[];

/** A field that no schema knows is a mistake, except where anything may stand. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const out: Schema = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  const open = "additionalProperties" in out || out["x-kubernetes-preserve-unknown-fields"] === true;
  if (typeof out["properties"] === "object" && !open) out["additionalProperties"] = false;
  if (out["format"] === "int-or-string" || out["x-kubernetes-int-or-string"] === true) delete out["type"];
  delete out["format"];
  return out;
}

export async function openApiSchemas(
  kubeconfig: string,
): Promise<{ readonly location: string } & AsyncDisposable> {
  const read = async (path: string): Promise<unknown> =>
    JSON.parse(await tool(["kubectl", "get", "--raw", path], { env: { KUBECONFIG: kubeconfig } }));
  const folder = await mkdtemp(join(tmpdir(), "pf-schemas-"));
  const { paths } = (await read("/openapi/v3")) as { paths: Record<string, { serverRelativeURL: string }> };
  for (const { serverRelativeURL } of Object.values(paths)) {
    const { components } = (await read(serverRelativeURL)) as Document;
    if (components?.schemas === undefined) continue;
    const schemas = strict(components.schemas) as Record<string, Schema>;
    for (const [name, schema] of Object.entries(schemas))
      for (const { group, version, kind } of kindsOf(schema)) {
        const file = [kind, group.split(".")[0], version].filter(Boolean).join("-").toLowerCase();
        const whole = { $ref: `#/components/schemas/${name}`, components: { schemas } };
        await writeFile(join(folder, `${file}.json`), JSON.stringify(whole));
      }
  }
  return {
    location: join(folder, "{{ .ResourceKind }}{{ .KindSuffix }}.json"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
