/**
 * Watches resource files: a good change is told soon, a bad one is told with all its problems, and changes nothing.
 *
 * In:     files and folders.
 * Out:    `onGood` with the checked resources, first for the state at the start; `onBad` with problems. One at a time:
 *         the next look waits until the last one was dealt with.
 * How:    a look every second compares path, inode, size and times of every file (which sees renames of editors, symbolic
 *         links that a ConfigMap mount swaps, and file systems without events); events of the file system only make it
 *         look sooner. A change is taken up when it has been still for a moment, so that half-written files are not read.
 * Fails:  never; what cannot be read is a problem.
 */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Problem } from "../../crds/problem.ts";
import { filesOf } from "../../crds/sources.ts";
import type { Checked } from "../../crds/validate.ts";
import { checkApart } from "./check-apart.ts";

export interface ResourceWatch {
  readonly onGood: (checked: Checked) => void | Promise<void>;
  readonly onBad: (problems: readonly Problem[]) => void | Promise<void>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  /** A change must be this old before it is read. */
  readonly settleMs?: number;
}

/** Resolves when the signal ends it. */
export async function watchResources(paths: readonly string[], options: ResourceWatch): Promise<void> {
  const { signal, pollMs = 1_000, settleMs = 150 } = options;
  const bell = new Bell();
  using _watchers = new Watchers(paths, () => bell.ring());
  let good: Checked["resources"] = [];
  let seen: string | undefined;
  while (!signal.aborted) {
    const now = await fingerprint(paths);
    if (now !== seen) {
      seen = seen === undefined ? now : await still(paths, now, settleMs, signal);
      if (signal.aborted) return;
      const checked = await checkApart(paths, good, signal).catch((error) => unchecked(paths, error));
      if (signal.aborted) return;
      if (checked.problems.length > 0) await options.onBad(checked.problems);
      else {
        good = checked.resources;
        await options.onGood(checked);
      }
      // What changed while it was read is seen by the next look.
      continue;
    }
    await bell.wait(pollMs, signal);
  }
}

/** The check itself broke: nothing is known about the files. */
function unchecked([file = ""]: readonly string[], error: unknown): Checked {
  const message = `could not be checked: ${(error as Error).message}; change it again to have it checked anew`;
  return { resources: [], secrets: [], problems: [{ file, line: 1, field: "", message }] };
}

/** Waits until two looks in a row see the same. */
async function still(
  paths: readonly string[],
  first: string,
  settleMs: number,
  signal: AbortSignal,
): Promise<string> {
  let last = first;
  while (!signal.aborted) {
    await delay(settleMs, undefined, { signal }).catch(() => {});
    const now = await fingerprint(paths);
    if (now === last) return now;
    last = now;
  }
  return last;
}

/** Differs whenever a file was added, removed, replaced or written to. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const path of paths) {
    const files = await filesOf(path).catch(() => []);
    for (const file of [path, ...files]) {
      const found = await stat(file, { bigint: true }).catch(() => undefined);
      // A folder's own times change with every temporary file in it: only what is read counts.
      const marks =
        found && !found.isDirectory() ? [found.ino, found.size, found.mtimeNs, found.ctimeNs] : [];
      parts.push([file, found !== undefined, ...marks].join(" "));
    }
  }
  return parts.join("\n");
}

/** Wakes one sleeper; rings while nobody sleeps are not lost. */
class Bell {
  #rung = false;
  #wake = () => {};

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", this.#wake, { once: true });
      await promise;
      signal.removeEventListener("abort", this.#wake);
      clearTimeout(timer);
    }
    this.#rung = false;
  }
}

/** Events for the folders, and for the folders of single files: a file that is replaced would lose its own watch. */
class Watchers implements Disposable {
  readonly #watchers: FSWatcher[] = [];

  constructor(paths: readonly string[], onEvent: () => void) {
    for (const folder of new Set([...paths, ...paths.map(dirname)])) {
      try {
        // Events are a convenience: without them the next look finds the change.
        const watcher = watch(folder, { persistent: false }, onEvent).on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // No such folder yet, or no watches left.
      }
    }
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
