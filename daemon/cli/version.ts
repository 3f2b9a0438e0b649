/** `postfleet version`: what is running. */
import { parseArgs } from "node:util";
import { readVersion } from "../kit/version.ts";
import type { CommandContext } from "./context.ts";

const help = "postfleet version [--json]";

export async function versionCommand(argv: readonly string[], { out }: CommandContext): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  const version = await readVersion();
  const node = process.version;
  if (values.help) out.line(help);
  else out.line(values.json ? JSON.stringify({ version, node }) : `postfleet ${version} (node ${node})`);
  return 0;
}
