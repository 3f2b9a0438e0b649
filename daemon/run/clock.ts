/**
 * The clock of the queue: this machine's, as long as that of NATS agrees with it. What they say of each other is logged when
 * it changes, since one of the two has to be set by somebody.
 */
import { AgreedClock, type Agreement } from "../kit/agreed-clock.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { followStoreTime } from "../nats/store-time.ts";

export interface OpenClock extends Disposable {
  readonly clock: Clock;
}

/** `observe`: by how much this machine's clock is ahead, each time they are compared. */
export async function openClock(
  link: Pick<Link, "nc" | "isUp">,
  log: Log,
  observe: (aheadMs: number) => void,
): Promise<OpenClock> {
  const clock = new AgreedClock(systemClock);
  const tell = teller(log);
  const following = await followStoreTime(link, (theirs) => {
    const agreement = clock.compare(theirs);
    observe(agreement.aheadMs);
    tell(agreement);
  });
  return { clock, [Symbol.dispose]: () => following[Symbol.dispose]() };
}

function teller(log: Log): (agreement: Agreement) => void {
  let kind: Agreement["kind"] = "agreed";
  return (agreement) => {
    if (agreement.kind === kind) return;
    kind = agreement.kind;
    if (agreement.kind === "agreed") log.info({}, "this machine's clock and that of NATS agree again");
    else
      log.error(
        { aheadSeconds: Math.round(agreement.aheadMs / 1_000) },
        "this machine's clock and that of NATS differ, and one of them is wrong: until they agree, the queue's times go on as before; set the clock",
      );
  };
}
