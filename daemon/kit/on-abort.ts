/**
 * Hears of a signal's abort at the same price however many others do.
 *
 * An `AbortSignal` looks through all of its listeners whenever one is added or removed: ten thousand connections and look-ups that
 * wait for the same one (the process is to end) would take a processor for themselves. So a signal has one listener of ours, as
 * long as somebody wants to hear.
 *
 * In:     a signal, and what is to be done at its abort; at once when it has aborted already.
 * Out:    what takes it back.
 */
interface Hearing {
  readonly all: Set<() => void>;
  end(): void;
}

const hearings = new WeakMap<AbortSignal, Hearing>();

export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  // A function of its own, so that the same one may be given twice.
  const hearer = () => act();
  const hearing = hearings.get(signal) ?? listenTo(signal);
  hearing.all.add(hearer);
  return () => {
    if (hearing.all.delete(hearer) && hearing.all.size === 0) hearing.end();
  };
}

function listenTo(signal: AbortSignal): Hearing {
  const all = new Set<() => void>();
  const hear = () => {
    for (const each of all) each();
    all.clear();
  };
  const end = () => {
    signal.removeEventListener("abort", hear);
    hearings.delete(signal);
  };
  signal.addEventListener("abort", hear, { once: true });
  const hearing = { all, end };
  hearings.set(signal, hearing);
  return hearing;
}
