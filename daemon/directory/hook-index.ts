/** The webhooks of a directory by namespace, made once for each state of it: they are asked for with every event. */
import type { Directory } from "./directory.ts";
import type { HookEntry } from "./hooks.ts";

const known = new WeakMap<Directory, ReadonlyMap<string, readonly HookEntry[]>>();

export function hooksOf(directory: Directory): ReadonlyMap<string, readonly HookEntry[]> {
  const before = known.get(directory);
  if (before) return before;
  const found = new Map<string, HookEntry[]>();
  for (const { hooks } of [...directory.domains(), ...directory.policies()])
    for (const hook of hooks) {
      const others = found.get(hook.namespace);
      if (others) others.push(hook);
      else found.set(hook.namespace, [hook]);
    }
  known.set(directory, found);
  return found;
}
