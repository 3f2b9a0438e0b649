/**
 * Writes the API's OpenAPI document (docs/openapi.json) and its table in docs/api.md, both from the table of routes.
 *
 * `--check`: writes nothing; status 1 when a file is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BASE, openApi } from "../daemon/api/openapi.ts";
import type { Route } from "../daemon/api/route.ts";
import type { SessionMeans } from "../daemon/api/routes/session.ts";
import { routesOf } from "../daemon/api/routes.ts";
import { readVersion } from "../daemon/kit/version.ts";
import type { Installation } from "../daemon/operate/installation.ts";

const root = join(import.meta.dirname, "..");
const check = process.argv.includes("--check");

// What routes are does not depend on what they work with.
const routes = routesOf({} as Installation, {} as SessionMeans);

const cell = ({ method, path, role, summary }: Route): string =>
  `| \`${method} ${path}\` | ${role ?? "everybody"} | ${summary} |`;
const table = [
  `| below \`${BASE}\` | who | answers |`,
  "|---|---|---|",
  ...routes.map(cell),
  "| `GET /openapi.json` | everybody | The document of all of them, OpenAPI 3.1 |",
].join("\n");

function keep(name: string, text: string): void {
  const file = join(root, name);
  const before = readFileSync(file, { encoding: "utf8", flag: "a+" });
  if (before === text) return;
  if (check) {
    console.error(`${name} is not current: run make generate`);
    process.exitCode = 1;
  } else writeFileSync(file, text);
}

const guide = readFileSync(join(root, "docs/api.md"), "utf8");
const marked = /(<!-- routes -->\n)[\s\S]*?(\n<!-- \/routes -->)/;
keep(
  "docs/api.md",
  guide.replace(marked, (_, begin: string, end: string) => `${begin}${table}${end}`),
);
keep("docs/openapi.json", `${JSON.stringify(openApi(routes, await readVersion()), undefined, 2)}\n`);
