/**
 * Two stops: `drain` asks (finish what is open, start nothing new), `abort` insists, once the grace has passed or when
 * asked a second time.
 */
export interface Stops extends Disposable {
  readonly drain: AbortSignal;
  readonly abort: AbortSignal;
  /** The first call drains, the second aborts. */
  stop(why: string): void;
}

export function stops(graceMs: number): Stops {
  const drain = new AbortController();
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  return {
    drain: drain.signal,
    abort: abort.signal,
    stop(why) {
      if (drain.signal.aborted) return abort.abort(new Error(`${why}, a second time`));
      timer = setTimeout(() => abort.abort(new Error(`still busy after ${graceMs} ms`)), graceMs);
      drain.abort(new Error(why));
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Resolves when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
