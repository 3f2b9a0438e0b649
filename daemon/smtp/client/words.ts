/**
 * The client's own words, for what no server said: time-outs, lost connections, refused handshakes.
 *
 * Out:    replies whose code and text can stand in a DSN. Codes are 451: what goes wrong between hosts may go well
 *         later. Spec: RFC 3463 §3.5 (4.4.z network), §3.6 (4.5.z protocol), §3.4 (4.3.z system), §3.8 (4.7.z security).
 */
import type { Remote } from "../../mail/outcome.ts";
import { type Reply, reply } from "../../mail/reply.ts";
import type { WireLost } from "./wire.ts";

/** `mx.example[192.0.2.1]` */
export const nameOf = ({ name, address }: Remote): string => (address ? `${name}[${address}]` : name);

/** What a job's record and a DSN keep of a remote text. */
const textLimit = 1_000;

/** A remote reply, short enough to be kept. */
export function kept(remote: Reply): Reply {
  return remote.text.length <= textLimit
    ? remote
    : { ...remote, text: `${remote.text.slice(0, textLimit)}…` };
}

/** What a lost connection means for a recipient without a final reply. `stage` says what was going on. */
export function lossReply(loss: WireLost, remote: Remote, stage: string): Reply {
  const peer = nameOf(remote);
  switch (loss.kind) {
    case "closing":
      return loss.reply ? kept(loss.reply) : reply(421, "4.4.2", `${peer} closed the session ${stage}`);
    case "closed":
      return reply(451, "4.4.2", `connection to ${peer} lost ${stage}: ${loss.message}`);
    case "timeout":
      return reply(451, "4.4.2", `${peer} did not answer in time ${stage}`);
    case "protocol":
      return reply(451, "4.5.0", `${peer} broke the protocol ${stage}: ${loss.message}`);
    case "aborted":
      return reply(451, "4.3.2", `delivery to ${peer} was stopped ${stage}: ${loss.message}`);
  }
}
