/**
 * Puts one question to the configured servers until one of them gives an answer.
 *
 * In:     a question, servers in order of preference, time limits.
 * Out:    a reply with NOERROR or NXDOMAIN, and which server gave it.
 * Fails:  `failed` with words for a diagnostic when no server did; rejects only with the signal's reason.
 * Spec:   RFC 1035 §4.2.1 (retry, other servers), RFC 6891 §7 (servers without EDNS), RFC 7766 §5 (TC → TCP).
 */
import type { Chance, Clock } from "../kit/clock.ts";
import type { Server } from "./servers.ts";
import { askTcp } from "./tcp.ts";
import { askUdp } from "./udp.ts";
import { makeQuery, type QueryType, type Reply, rcode, readReply, refusalText } from "./wire.ts";
import { late, within } from "./within.ts";

export interface Question {
  readonly name: string;
  readonly type: QueryType;
}

export interface Means {
  readonly servers: readonly Server[];
  readonly clock: Clock;
  /** Must be unpredictable: forgers guess against it. */
  readonly chance: Chance;
  /** For the first round; it doubles with each further one. */
  readonly timeoutMs: number;
  readonly rounds: number;
}

export type Asked =
  | { readonly kind: "reply"; readonly reply: Reply; readonly server: Server }
  | { readonly kind: "failed"; readonly text: string };

/** `final`: asking this server again will not help. */
type Try =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "no"; readonly text: string; readonly final: boolean };

export async function ask(question: Question, means: Means, signal: AbortSignal): Promise<Asked> {
  const worth = new Set(means.servers);
  let text = "no DNS server is configured";
  for (let round = 0; round < means.rounds && worth.size > 0; round++) {
    for (const server of [...worth]) {
      const tried = await tryServer(question, server, means, round, signal);
      if (tried.kind === "reply") return { kind: "reply", reply: tried.reply, server };
      text = `${tried.text} (DNS server ${server.address})`;
      if (tried.final) worth.delete(server);
    }
  }
  return { kind: "failed", text };
}

async function tryServer(
  question: Question,
  server: Server,
  means: Means,
  round: number,
  signal: AbortSignal,
): Promise<Try> {
  const limit = means.timeoutMs * 2 ** round;
  try {
    const tried = await within(means.clock, limit, signal, (until) =>
      converse(question, server, means, until),
    );
    return tried === late ? { kind: "no", text: `no answer within ${limit} ms`, final: false } : tried;
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "no", text: error instanceof Error ? error.message : String(error), final: false };
  }
}

async function converse(question: Question, server: Server, means: Means, signal: AbortSignal): Promise<Try> {
  let reply = await askOnce(question, server, means, true, signal);
  if (reply?.rcode === rcode.formErr || reply?.rcode === rcode.notImp) {
    reply = await askOnce(question, server, means, false, signal);
  }
  if (!reply) return { kind: "no", text: "the answer is malformed", final: false };
  if (reply.rcode === rcode.noError || reply.rcode === rcode.nxDomain) return { kind: "reply", reply };
  return { kind: "no", text: refusalText(reply.rcode), final: true };
}

async function askOnce(question: Question, server: Server, means: Means, edns: boolean, signal: AbortSignal) {
  const query = makeQuery(question.name, question.type, edns, means.chance);
  const datagram = await askUdp(server, query, signal);
  const reply = datagram === "overTcp" ? undefined : readReply(datagram);
  if (datagram !== "overTcp" && !reply?.truncated) return reply;
  const whole = readReply(await askTcp(server, query, signal));
  return whole?.truncated ? undefined : whole; // RFC 7766 §5: nothing is larger than TCP
}
