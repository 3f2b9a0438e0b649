/** What pages share: where they are, what the API says, and what it says from now on. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { ask, events, Refused } from "./api.ts";

export interface Asked<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
  readonly busy: boolean;
  again(): void;
}

const wordsOf = (error: unknown): string =>
  error instanceof Refused ? error.message : "Something is wrong with this page.";

/** `undefined`: nothing is asked. What was known stays while it is asked again. */
export function useApi<T>(path: string | undefined): Asked<T> {
  const [state, setState] = useState<Omit<Asked<T>, "again"> & { readonly path?: string }>({
    data: undefined,
    error: undefined,
    busy: true,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    setState((before) => ({ ...before, busy: true, error: undefined }));
    ask<T>(path, { signal: stop.signal }).then(
      (data) => setState({ data, error: undefined, busy: false, path }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState((before) => ({ ...before, error: wordsOf(error), busy: false }));
      },
    );
    return () => stop.abort();
  }, [path, turn]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  const data = state.path === path ? state.data : undefined;
  return { data, error: state.error, busy: state.busy, again };
}

const PAUSE_MS = 3_000;
/** Several times as long as a stream is ever silent. */
const SILENT_MS = 15_000;
const silence = "Nothing was heard for a while: what is shown here is old.";

/**
 * The newest event of a stream, which is opened again when it ends. One that is silent, as after a night of the laptop's, is
 * ended and said to be: nobody should take old figures for new ones.
 */
export function useEvents<T>(path: string): {
  readonly data: T | undefined;
  readonly error: string | undefined;
} {
  const [data, setData] = useState<T>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      while (!stop.signal.aborted) {
        const quiet = new AbortController();
        const wait = () => setTimeout(() => quiet.abort(), SILENT_MS);
        let timer = wait();
        try {
          for await (const event of events<T>(path, AbortSignal.any([stop.signal, quiet.signal]))) {
            clearTimeout(timer);
            timer = wait();
            setData(event);
            setError(undefined);
          }
        } catch (fault) {
          if (!stop.signal.aborted) setError(quiet.signal.aborted ? silence : wordsOf(fault));
        } finally {
          clearTimeout(timer);
        }
        if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    void follow();
    return () => stop.abort();
  }, [path]);
  return { data, error };
}

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const placeNow = (): Place => ({
  path: location.pathname,
  query: new URLSearchParams(location.search),
});

/** Goes to another page of the console without loading it anew. */
export function go(href: string): void {
  history.pushState(null, "", href);
  dispatchEvent(new PopStateEvent("popstate"));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const changed = () => setPlace(placeNow());
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  return place;
}

/** An order that is carried out on a click: what came of it, in words. */
export function useOrder(): {
  readonly busy: boolean;
  readonly said: { readonly kind: "done" | "failed"; readonly words: string } | undefined;
  run(order: () => Promise<string>): Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<{ readonly kind: "done" | "failed"; readonly words: string }>();
  const run = async (order: () => Promise<string>): Promise<boolean> => {
    setBusy(true);
    try {
      setSaid({ kind: "done", words: await order() });
      return true;
    } catch (error) {
      setSaid({ kind: "failed", words: wordsOf(error) });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, said, run };
}
