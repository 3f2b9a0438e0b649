/**
 * The guides in `docs/`, followed to the letter: what a reader copies is what is run.
 *
 * In:    a guide's name and a heading in it.
 * Out:   the shell commands below that heading.
 * Fails: where there are none, so that a guide cannot lose what the suite shows.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../harness/source.ts";
import { environment, tool } from "./tools.ts";

export async function commandsIn(guide: string, heading: string): Promise<string> {
  const text = await readFile(join(root, "docs", `${guide}.md`), "utf8");
  const section = text.split(/^#+ /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands]) => commands);
  if (blocks.length === 0) throw new Error(`docs/${guide}.md has no commands below "${heading}"`);
  return blocks.join("");
}

/** With the plugin on PATH; stops at the first command that fails. */
export const follow = (commands: string, cwd = root): Promise<string> =>
  tool(["bash", "-euo", "pipefail", "-c", commands], {
    cwd,
    env: { PATH: `${join(root, "bin")}:${environment["PATH"]}` },
  });
