/** `postfleet version`: what is running. */
import { readFile } from "node:fs/promises";
import type { CommandContext } from "./context.ts";

export async function versionCommand(_argv: readonly string[], { out }: CommandContext): Promise<number> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  out.line(`postfleet ${version} (node ${process.version})`);
  return 0;
}
