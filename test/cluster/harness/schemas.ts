/**
 * JSON schemas of every kind that a version of Kubernetes serves, in the layout that `kubeconform` reads.
 *
 * In:     a kubeconfig, and the API server's `/openapi/v3`; or what `cluster build` recorded of other versions.
 * Out:    a temporary folder, and the `-schema-location` that names it.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bin, tool } from "./tools.ts";

const recorded = join(bin, "../openapi");

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

const refTo = (name: string) => `#/components/schemas/${name}`;

/** This one, and those that it refers to. */
function needed(all: Readonly<Record<string, Schema>>, name: string): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const wanted = [name];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const schema = all[next];
    if (schema === undefined || found[next]) continue;
    found[next] = schema;
    for (const [, ref = ""] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      wanted.push(ref);
  }
  return found;
}

type Schemas = { readonly location: string } & AsyncDisposable;

/** Of the API server that the kubeconfig leads to, our own kinds included. */
export async function openApiSchemas(kubeconfig: string): Promise<Schemas> {
  const read = async (path: string): Promise<unknown> =>
    JSON.parse(await tool(["kubectl", "get", "--raw", path], { env: { KUBECONFIG: kubeconfig } }));
  const { paths } = (await read("/openapi/v3")) as { paths: Record<string, { serverRelativeURL: string }> };
  const urls = Object.values(paths).map(({ serverRelativeURL }) => serverRelativeURL);
  return written(async (take) => {
    for (const url of urls) await take((await read(url)) as Document);
  });
}

/** Versions of Kubernetes whose API is recorded beside the programs, such as `1.34.4`. */
export const recordedVersions = (): readonly string[] =>
  existsSync(recorded) ? readdirSync(recorded).filter((name) => /^\d+\.\d+\.\d+$/.test(name)) : [];

/** Of one of them, as its sources tell it. */
export async function recordedSchemas(version: string): Promise<Schemas> {
  const folder = join(recorded, version);
  const files = (await readdir(folder)).filter((name) => /__v\d+_openapi\.json$/.test(name));
  return written(async (take) => {
    for (const file of files) await take(JSON.parse(await readFile(join(folder, file), "utf8")) as Document);
  });
}

async function written(
  collect: (take: (document: Document) => Promise<void>) => Promise<void>,
): Promise<Schemas> {
  const folder = await mkdtemp(join(tmpdir(), "pf-schemas-"));
  await collect(async ({ components }) => {
    if (components?.schemas === undefined) return;
    const schemas = strict(components.schemas) as Record<string, Schema>;
    for (const [name, schema] of Object.entries(schemas))
      for (const { group, version, kind } of kindsOf(schema)) {
        const file = [kind, group.split(".")[0], version].filter(Boolean).join("-").toLowerCase();
        const whole = { $ref: refTo(name), components: { schemas: needed(schemas, name) } };
        await writeFile(join(folder, `${file}.json`), JSON.stringify(whole));
      }
  });
  return {
    location: join(folder, "{{ .ResourceKind }}{{ .KindSuffix }}.json"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
