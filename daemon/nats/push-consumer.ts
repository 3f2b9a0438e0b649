/**
 * Makes the consumer that a tail listens to: ephemeral, without acknowledgements, with heartbeats and flow control.
 *
 * In:     its name and where it is to deliver; the stream, subjects, and where to begin.
 * Out:    what it has to tell at its start.
 * Fails:  `StoreFault`: `refused` also where the connection has no permission to make it.
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { type ApiError, faultOf, isDenied, StoreFault } from "./fault.ts";

export const HEARTBEAT_MS = 5_000;

export type Beginning =
  | { readonly at: "last of each subject" }
  /** ms since the epoch */
  | { readonly at: "since"; readonly time: number }
  | { readonly at: "behind"; readonly sequence: number };

/** `behind`: the last sequence that is known; 0: none. `since`: otherwise everything from then on. */
export function beginningOf(behind: number, since: number | undefined): Beginning {
  if (behind > 0) return { at: "behind", sequence: behind };
  return since === undefined ? { at: "last of each subject" } : { at: "since", time: since };
}

export interface PushConsumer {
  readonly name: string;
  readonly inbox: string;
  readonly stream: string;
  readonly filters: readonly string[];
  readonly beginning: Beginning;
  /** Records come without what is in them. */
  readonly headsOnly?: boolean | undefined;
}

interface Answer {
  readonly error?: ApiError;
  readonly num_pending?: number;
  readonly delivered?: { readonly consumer_seq?: number };
}

/** What was sent before the answer no longer counts as pending, and may arrive after it. */
export interface Made {
  readonly pending: number;
  readonly sent: number;
}

export async function makePushConsumer(nc: NatsConnection, consumer: PushConsumer): Promise<Made> {
  const { name, inbox, stream, filters, beginning, headsOnly } = consumer;
  const config = {
    name,
    deliver_subject: inbox,
    ack_policy: "none",
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 60e9,
    flow_control: true,
    idle_heartbeat: HEARTBEAT_MS * 1e6,
    ...policyOf(beginning),
    ...(headsOnly ? { headers_only: true } : {}),
    ...(filters.length === 1 ? { filter_subject: filters[0] } : { filter_subjects: filters }),
  };
  // With one filter the call's subject names it, so that a permission can.
  const only = filters.length === 1 ? `.${filters[0]}` : "";
  const question = JSON.stringify({ stream_name: stream, config, action: "create" });
  const answer = await ask(
    nc.request(`$JS.API.CONSUMER.CREATE.${stream}.${name}${only}`, question, { timeout: 5_000 }),
  );
  if (answer.error) throw faultOf(answer.error);
  return { pending: answer.num_pending ?? 0, sent: answer.delivered?.consumer_seq ?? 0 };
}

function policyOf(beginning: Beginning) {
  switch (beginning.at) {
    case "last of each subject":
      return { deliver_policy: "last_per_subject" };
    case "since":
      return { deliver_policy: "by_start_time", opt_start_time: new Date(beginning.time).toISOString() };
    case "behind":
      return { deliver_policy: "by_start_sequence", opt_start_seq: beginning.sequence + 1 };
  }
}

async function ask(request: Promise<Msg>): Promise<Answer> {
  try {
    return (await request).json<Answer>();
  } catch (error) {
    if (isDenied(error)) throw new StoreFault("refused", "no permission to make a consumer", error);
    throw new StoreFault("away", "no answer to creating a consumer", error);
  }
}
