/** The process of `fill.ts`: its task as JSON in the argument, the seconds by its channel; ends with it. */
import { systemClock } from "../../../daemon/kit/clock.ts";
import { silent } from "../../../daemon/kit/log.ts";
import type { Address, Domain } from "../../../daemon/mail/address.ts";
import { reply } from "../../../daemon/mail/reply.ts";
import { Bodies, newBodyId } from "../../../daemon/nats/bodies.ts";
import { GroupCommit } from "../../../daemon/nats/commit.ts";
import { connectNats } from "../../../daemon/nats/connect.ts";
import { bodyStream, readLayout } from "../../../daemon/nats/layout.ts";
import { JetStreamQueue } from "../../../daemon/nats/queue.ts";
import { draft } from "../../contract/queue.ts";
import type { FillTask } from "./fill.ts";
import { stuckDomain } from "./places.ts";
import { textOf } from "./session.ts";

process.on("disconnect", () => process.exit());
const task = JSON.parse(process.argv[2] ?? "") as FillTask;
const { url, user, password, jobs, destinations, wait } = task;
/** At once: enough for batches as large as they may be. */
const WIDTH = 1_500;
const LIFETIME_S = 7 * 86_400;

const credential = { kind: "password", user, password } as const;
const link = await connectNats({ servers: [url], credential, name: "fill" }, silent);
const common = { link, clock: systemClock, log: silent };
const layout = await readLayout(link);
const queue = await new JetStreamQueue({ ...common, ...layout, bodyTtlSeconds: () => LIFETIME_S }).start();
const bodies = new Bodies(
  link,
  new GroupCommit(link, { ...common, stream: bodyStream(0) }),
  0,
  () => LIFETIME_S,
);
const octets = Buffer.from(textOf(task.octets));
const never = new AbortController().signal;
const history = [
  { at: Date.now(), reply: reply(451, "4.4.1", "Connecting to mx.stuck.example failed: refused") },
];

async function put(n: number): Promise<void> {
  const id = newBodyId();
  await bodies.put(id, 0, octets);
  const job = draft({
    destination: stuckDomain(n % destinations) as Domain,
    recipients: [{ address: `u${n}@${stuckDomain(n % destinations)}` as Address }],
    attempts: 1,
    nextAttempt: Math.round(Date.now() + wait * 1_000 * (0.9 + 0.2 * Math.random())),
    history,
  });
  await queue.accept({ jobs: [job], body: { kind: "stored", id, chunks: 1, size: octets.length } }, never);
}

let next = 0;
const work = async () => {
  for (let n = next++; n < jobs; n = next++) await put(n);
};
const began = performance.now();
await Promise.all(Array.from({ length: WIDTH }, work));
process.send?.((performance.now() - began) / 1_000);
