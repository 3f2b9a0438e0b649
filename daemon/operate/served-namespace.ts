/** Which namespace a question is about, where a daemon may serve one alone. */
import { CommandError } from "./command-error.ts";
import type { Installation } from "./installation.ts";

/** `undefined`: all of them. Throws `CommandError` for one that is not served here. */
export function servedNamespace(
  { namespace: only }: Pick<Installation, "namespace">,
  asked: string | undefined,
): string | undefined {
  if (asked !== undefined && only !== undefined && asked !== only)
    throw new CommandError(`only namespace ${only} is served here`);
  return asked ?? only;
}
