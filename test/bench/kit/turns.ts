/**
 * How long others wait for work that takes turns: the longest stretch of the thread's processor time between two moments
 * at which the event loop looks at everybody else.
 *
 * Processor time does not grow while other processes have the machine; what is left of their influence (cold caches, a
 * collection of garbage at a bad moment, much that has come meanwhile) is not in every run: the best of several counts.
 * Not to be used within `node --test`, which watches every promise and takes more time than the work itself.
 */

const RUNS = 8;

export interface Turns<T> {
  /** ms */
  readonly longest: number;
  readonly result: T;
}

async function longestTurn<T>(work: () => Promise<T>): Promise<Turns<T>> {
  let longest = 0;
  let going = true;
  let before = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
    before = process.threadCpuUsage();
    if (going) setImmediate(look);
  };
  setImmediate(look);
  const result = await work().finally(() => {
    going = false;
  });
  return { longest, result };
}

/** The run with the shortest turns; no further ones once they are short enough. */
export async function shortestTurns<T>(work: () => Promise<T>, enough: number): Promise<Turns<T>> {
  await work(); // code that has just been loaded is slower
  let best = await longestTurn(work);
  for (let run = 1; run < RUNS && best.longest > enough; run++) {
    const next = await longestTurn(work);
    if (next.longest < best.longest) best = next;
  }
  return best;
}
