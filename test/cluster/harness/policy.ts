/**
 * The RelayPolicy of the load: paused and resumed, and its relays watched.
 */
import { untilTrue } from "../../harness/until.ts";
import { isReady, known, kubectl, podsOf } from "./kube.ts";

/** Resolves when every daemon knows. */
export async function pause(paused: boolean): Promise<void> {
  await kubectl(
    "patch",
    "rp",
    "default",
    "-n",
    "load",
    "--type",
    "merge",
    "-p",
    JSON.stringify({ spec: { paused } }),
  );
  await known("rp", "load", "default");
}

/** The most relays that were ready at a time, until all is sent and one is left. */
export async function watchReplicas(done: () => boolean): Promise<number> {
  let most = 0;
  await untilTrue(
    "all to be sent, and one relay to be left",
    async () => {
      const pods = await podsOf("relay", "load");
      most = Math.max(most, pods.filter(isReady).length);
      return done() && pods.length === 1;
    },
    300_000,
  );
  return most;
}
