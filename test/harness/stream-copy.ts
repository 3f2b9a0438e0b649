/**
 * Saves a stream and brings it back, as `nats stream backup` and `restore` do, while everybody else stays connected.
 *
 * Spec: JetStream's API (`STREAM.SNAPSHOT`, `STREAM.RESTORE`); chunks are answered, as flow control asks.
 */
import { createInbox, type NatsConnection } from "@nats-io/transport-node";

export interface StreamCopy {
  readonly stream: string;
  /** As the server has told it. */
  readonly config: object;
  readonly state: object;
  readonly chunks: readonly Uint8Array[];
}

const timeout = 60_000;

export async function copyStream(nc: NatsConnection, stream: string): Promise<StreamCopy> {
  const inbox = createInbox();
  const chunks: Uint8Array[] = [];
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return reject(error);
      if (message.data.length === 0) return resolve();
      chunks.push(message.data.slice());
      message.respond();
    },
  });
  const question = JSON.stringify({ deliver_subject: inbox, no_consumers: true, chunk_size: 131_072 });
  const answer = await nc.request(`$JS.API.STREAM.SNAPSHOT.${stream}`, question, { timeout });
  const { config, state, error } = answer.json<{ config: object; state: object; error?: object }>();
  if (error) throw new Error(JSON.stringify(error));
  await ended;
  subscription.unsubscribe();
  return { stream, config, state, chunks };
}

/** The stream as it is now is deleted first. */
export async function bringBack(nc: NatsConnection, copy: StreamCopy): Promise<void> {
  await nc.request(`$JS.API.STREAM.DELETE.${copy.stream}`, "", { timeout });
  const question = JSON.stringify({ config: copy.config, state: copy.state });
  const answer = await nc.request(`$JS.API.STREAM.RESTORE.${copy.stream}`, question, { timeout });
  const { deliver_subject: to } = answer.json<{ deliver_subject: string }>();
  for (const chunk of copy.chunks) await nc.request(to, chunk, { timeout });
  const end = (await nc.request(to, "", { timeout })).json<{ error?: object }>();
  if (end.error) throw new Error(JSON.stringify(end.error));
}
