/**
 * Writes what the image ships as a CycloneDX 1.6 document: every production package of package-lock.json, and the Node
 * that runs this script. The same lock file gives the same document, octet for octet.
 *
 * In:    package.json, package-lock.json.
 * Out:   JSON on standard output.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface Product {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, LockedPackage>>;

const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + 13);
const purl = (name: string, version: string): string => `pkg:npm/${name.replace("@", "%40")}@${version}`;

/** Several of one name may be installed, each in its own folder; the nearest above the asker is meant. */
function resolve(packages: Packages, from: string, name: string): string | undefined {
  for (let folder = from; ; ) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[path]) return path;
    if (folder === "") return undefined;
    const above = folder.lastIndexOf("/node_modules/");
    folder = above < 0 ? "" : folder.slice(0, above);
  }
}

/** SPDX expressions and single identifiers are told apart by the standard. */
const licenceOf = (text: string) => (/[ ()]/.test(text) ? { expression: text } : { license: { id: text } });

function component(path: string, { version = "", license, integrity }: LockedPackage) {
  const name = nameOf(path);
  const [group, short] = name.startsWith("@") ? name.split("/") : [undefined, name];
  const hash = integrity?.startsWith("sha512-") ? Buffer.from(integrity.slice(7), "base64") : undefined;
  return {
    type: "library",
    "bom-ref": purl(name, version),
    ...(group === undefined ? {} : { group }),
    name: short,
    version,
    ...(hash ? { hashes: [{ alg: "SHA-512", content: hash.toString("hex") }] } : {}),
    ...(license === undefined ? {} : { licenses: [licenceOf(license)] }),
    purl: purl(name, version),
  };
}

/** `node` is the version of the runtime beside the packages. */
export function sbom(product: Product, packages: Packages, node: string): object {
  const shipped = Object.entries(packages).filter(
    ([path, { dev, optional }]) => path !== "" && dev !== true && optional !== true,
  );
  const references = new Map(shipped.map(([path, { version = "" }]) => [path, purl(nameOf(path), version)]));
  const dependsOn = (path: string, names: Readonly<Record<string, string>> = {}) =>
    Object.keys(names)
      .flatMap((name) => references.get(resolve(packages, path, name) ?? "") ?? [])
      .sort();
  const root = purl(product.name, product.version);
  const unique = new Map(
    shipped.map(([path, locked]) => [references.get(path) ?? "", component(path, locked)]),
  );
  const runtime = {
    type: "platform",
    "bom-ref": `node@${node}`,
    name: "node",
    version: node,
    purl: `pkg:generic/node@${node}`,
  };
  const body = {
    metadata: {
      component: {
        type: "application",
        "bom-ref": root,
        name: product.name,
        version: product.version,
        ...(product.description === undefined ? {} : { description: product.description }),
        licenses: [{ license: { id: product.license ?? "Apache-2.0" } }],
        purl: root,
      },
    },
    components: [...[...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one), runtime],
    dependencies: [
      { ref: root, dependsOn: [...dependsOn("", product.dependencies), runtime["bom-ref"]] },
      ...[
        ...new Map(
          shipped.map(([path, locked]) => [references.get(path) ?? "", dependsOn(path, locked.dependencies)]),
        ),
      ]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([ref, on]) => ({ ref, dependsOn: on })),
    ],
  };
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuid(JSON.stringify(body))}`,
    version: 1,
    ...body,
  };
}

/** RFC 9562 §5.8: a UUID of our own making, here from the content, so that it changes only with it. */
function uuid(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

if (import.meta.main) {
  const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, "..", name), "utf8"));
  const { packages } = read("package-lock.json") as { packages: Packages };
  const document = sbom(read("package.json") as Product, packages, process.version.slice(1));
  process.stdout.write(`${JSON.stringify(document, undefined, 1)}\n`);
}
