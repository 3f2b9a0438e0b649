/**
 * What is wrong with a script that stands in a resource, for those who write resources.
 *
 * In:     the text of `spec.sieve`, if any.
 * Out:    `line 3 of the script: …`, with what helps; `undefined` when it can be run.
 */
import { compile } from "./compile.ts";
import { SieveFault } from "./fault.ts";

export function scriptFault(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    compile(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof SieveFault)) throw error;
    const what = error.message.replace(/^line \d+: /, "");
    return `line ${error.line} of the script: ${what}; correct that line, or take the script out`;
  }
}
