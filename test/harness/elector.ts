/**
 * A process that wants to lead, and acts while it does: every 50 ms it writes its name and a number into a ConfigMap, with
 * a client that is fenced as the operator's is. For the test that kills and freezes leaders.
 *
 * Run:    node test/harness/elector.ts KUBECONFIG NAMESPACE NAME
 * Says:   `leading`, `ended released|lost` on standard output. SIGTERM: ends its term and hands over.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { openKube } from "../../operator/kube/client.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import { Election, type Term } from "../../operator/kube/leader.ts";

const [kubeconfig = "", namespace = "", name = ""] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort(new Error("SIGTERM")));

await using client = await openKube({ kubeconfig, env: {} });
const place = { namespace, name: "leader", identity: name };
const election = new Election({
  kube: client,
  ...place,
  clock: systemClock,
  chance: Math.random,
  log: silent,
});

async function act({ signal, assert }: Term): Promise<void> {
  console.log("leading");
  const fenced = client.guarded(assert);
  for (let n = 0; !signal.aborted; n++) {
    const data = { by: name, n: String(n) };
    await fenced.patch(kinds.ConfigMap, namespace, "acts", { data }, signal).catch(() => {});
    await systemClock.sleep(50, signal).catch(() => {});
  }
}

console.log(`ended ${await election.run(stop.signal, act)}`);
