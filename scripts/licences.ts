/**
 * Shows that everything we ship may be shipped: each production dependency names a permissive licence.
 *
 * In:    package-lock.json, which lists every package with its licence (SPDX expression).
 * Fails: status 1 with one line for each package that is not permissive or does not say.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface LockedPackage {
  readonly license?: string;
  readonly dev?: boolean;
}

/** Only attribution is asked for by these. */
const permissive = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Unlicense",
]);

/** `A OR B` needs one side, `A AND B` both; brackets are not needed to judge either. */
export function isPermissive(expression: string): boolean {
  return expression
    .replace(/[()]/g, " ")
    .split(/\bOR\b/)
    .some((side) => side.split(/\bAND\b/).every((name) => permissive.has(name.trim())));
}

/** One sentence for each package that must not be shipped. */
export function refusals(packages: Readonly<Record<string, LockedPackage>>): string[] {
  return Object.entries(packages)
    .filter(([path, { dev, license }]) => path !== "" && dev !== true && !isPermissive(license ?? ""))
    .map(([path, { license }]) => `${path}: ${license ?? "names no licence"}`);
}

if (import.meta.main) {
  const lock = join(import.meta.dirname, "../package-lock.json");
  const { packages } = JSON.parse(readFileSync(lock, "utf8")) as { packages: Record<string, LockedPackage> };
  const refused = refusals(packages);
  for (const line of refused) console.error(`not permissive: ${line}`);
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true).length;
  console.log(`licences: ${shipped} shipped packages, ${refused.length} refused`);
  process.exitCode = refused.length > 0 ? 1 : 0;
}
