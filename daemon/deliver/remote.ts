/**
 * The way out by SMTP or LMTP: opens a connection to the first next hop that can be used, and carries jobs over it.
 *
 * In:     next hops in the order of one connection attempt; a job's record and body.
 * Out:    outcomes per recipient.
 * Fails:  `refused` when no candidate could be used, with the last one's reply (a 5yz greeting of one host is no verdict
 *         on the recipients: it is deferred, and the next host is tried). Rejects when the body cannot be read.
 */
import type { Chance, Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { bounceOf, classify } from "../mail/bounce/classify.ts";
import type { Recipient } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Queued } from "../queue/job.ts";
import { BodyMissing, type Queue } from "../queue/queue.ts";
import type { SmtpClient } from "../smtp/client/client.ts";
import { connect } from "../smtp/client/connect.ts";
import { ConnectFailed } from "../smtp/client/connect-failed.ts";
import type { Dial } from "../smtp/client/dial.ts";
import { BareNewline } from "../smtp/client/dot-stuffing.ts";
import type { Timeouts } from "../smtp/client/limits.ts";
import type { Carrier, Opened } from "./carrier.ts";
import { connectOrder } from "./route/order.ts";
import type { Candidate, NextHops } from "./route/types.ts";
import type { Feedback } from "./sign/feedback.ts";
import type { ReturnPaths } from "./sign/return-path.ts";
import type { Signer } from "./sign/signer.ts";
import type { Hosts } from "./site/hosts.ts";
import { type Tell, tellLost, WatchedSession } from "./tls-watch.ts";

export interface RemoteMeans {
  readonly dial: Dial;
  readonly queue: Pick<Queue, "body">;
  /** What goes in front of a message that leaves; absent: nothing is signed. */
  readonly signer?: Pick<Signer, "fields">;
  /** The fields by which complaints come back to us; absent: none. */
  readonly feedback?: Pick<Feedback, "fields">;
  /** The reverse-path that a message leaves with; absent: its own. */
  readonly returnPaths?: Pick<ReturnPaths, "of">;
  /** A connection is ready, with this TLS version; `undefined`: in plain text. */
  readonly connected?: (tls: string | undefined) => void;
  readonly chance: Chance;
  readonly clock: Clock;
  readonly log: Log;
  /** Which hosts could not be reached lately: they are tried last, so that a dead one does not cost each message. */
  readonly hosts: Hosts;
  /** Hears how sessions went, where that is reported. */
  readonly tell?: Tell;
  /** Shorter than the standard's only in tests. */
  readonly timeouts?: Timeouts;
}

export interface Identity {
  readonly ehloName: string;
  /** Local addresses to connect from: one of the next hop's family. */
  readonly sources: readonly string[];
  /** Which of them: connections take turns. */
  readonly turn: number;
}

export async function openRemote(
  next: NextHops,
  lmtp: boolean,
  identity: Identity,
  means: RemoteMeans,
  signal: AbortSignal,
): Promise<Opened> {
  let last: ConnectFailed | undefined;
  const { hosts, clock, chance, tell } = means;
  if (next.watch && tell) tellLost(next.watch, tell);
  for (const candidate of hosts.inOrder(connectOrder(next.candidates, chance), clock.now())) {
    try {
      const client = await reach(candidate, next, lmtp, identity, means, signal);
      hosts.worked(candidate);
      means.connected?.(client.tls?.protocol);
      return {
        kind: "open",
        // A server of ours behind LMTP needs no signature, and is no hop.
        carrier: new RemoteCarrier(
          client,
          next.limits.messagesPerConnection,
          means.queue,
          lmtp ? { proven: true, lmtp } : { ...means, proven: isProven(client, candidate, next) },
        ),
      };
    } catch (error) {
      if (!(error instanceof ConnectFailed)) throw error;
      means.log.debug({ err: error, site: next.site }, "a next hop could not be used");
      hosts.failed(candidate, clock.now());
      last = error;
    }
  }
  if (last === undefined)
    return { kind: "refused", reply: reply(451, "4.4.4", "no next hop has an address") };
  const bounce = classify(last.verdict);
  return { kind: "refused", reply: temporary(last.verdict), remote: last.remote, bounce };
}

/** With opportunistic TLS a failed handshake is no reason to keep the mail: once more, in plain text. RFC 7435 */
async function reach(
  candidate: Candidate,
  next: NextHops,
  lmtp: boolean,
  identity: Identity,
  means: RemoteMeans,
  signal: AbortSignal,
): Promise<SmtpClient> {
  const source = sourceFor(candidate, identity);
  const { security } = candidate;
  const verify = security === undefined ? next.verify : security.kind === "pkix";
  const watched = next.watch && means.tell && new WatchedSession(next.watch, candidate, means.tell);
  const options = {
    host: candidate.host,
    address: candidate.address,
    port: candidate.port,
    ehloName: identity.ehloName,
    tlsOptions: {
      servername: candidate.host,
      verify,
      ...(security?.kind === "dane" ? { dane: security.records } : {}),
    },
    lmtp,
    eightBit: "bounce",
    dial: watched?.dial(means.dial) ?? means.dial,
    log: means.log,
    ...(source === undefined ? {} : { source }),
    ...(next.auth ? { auth: { ...next.auth, plainTextOnLoopback: true } } : {}),
    ...(means.timeouts ? { timeouts: means.timeouts } : {}),
  } as const;
  try {
    const client = await connect({ ...options, tls: security ? "Require" : next.tls }, signal);
    watched?.opened(client.tls);
    return client;
  } catch (error) {
    if (error instanceof ConnectFailed) watched?.failed(error);
    const may = next.tls === "Opportunistic" && !next.auth && security === undefined;
    const plain = may && error instanceof ConnectFailed && error.tlsFailed;
    if (!plain) throw error;
    means.log.info({ err: error, host: candidate.host }, "TLS failed; sending in plain text");
    return connect({ ...options, tls: "Off" }, signal);
  }
}

function sourceFor({ family }: Candidate, { sources, turn }: Identity): string | undefined {
  const fit = sources.filter((address) => address.includes(":") === (family === 6));
  return fit[turn % fit.length];
}

/** A host that refuses everybody says nothing about one recipient: the message waits for a better day. */
function temporary(verdict: Reply): Reply {
  if (verdict.code < 500) return verdict;
  return reply(451, "4.4.1", `${verdict.text} (${verdict.code} ${verdict.enhanced})`);
}

/** What is done to a message that goes to others. */
interface Leaving extends Pick<RemoteMeans, "signer" | "feedback" | "returnPaths"> {
  /** RFC 8689 §4.2.1: where it goes is known for sure, and proven by its certificate. */
  readonly proven: boolean;
  readonly lmtp?: boolean;
}

/** That this is the host where the mail belongs: DNSSEC, MTA-STS or an administrator named it, its certificate proves it. */
const isProven = ({ tls }: SmtpClient, { security }: Candidate, { verify }: NextHops): boolean =>
  tls?.authorized === true && (verify || security?.kind === "dane" || security?.kind === "pkix");

class RemoteCarrier implements Carrier {
  readonly #client: SmtpClient;
  readonly #limit: number;
  readonly #queue: Pick<Queue, "body">;
  readonly #leaving: Leaving;

  constructor(client: SmtpClient, limit: number, queue: Pick<Queue, "body">, leaving: Leaving) {
    this.#client = client;
    this.#limit = limit;
    this.#queue = queue;
    this.#leaving = leaving;
  }

  get reusable(): boolean {
    return this.#client.reusable && this.#client.sent < this.#limit;
  }

  async carry(queued: Queued, signal: AbortSignal): Promise<readonly Outcome[] | "stale"> {
    const { recipients } = queued.job;
    try {
      const outcomes = [...(await this.#send(queued, recipients, signal))];
      // A server that ends a kept connection because of how much we send does not want a new one at once.
      if (this.#client.stale && !outcomes.some((outcome) => bounceOf(outcome) === "rate-limited"))
        return "stale";
      await this.#again(queued, outcomes, signal);
      return outcomes;
    } catch (error) {
      this.#client.destroy();
      return recipients.map(() => unreadable(error));
    }
  }

  async #send(
    queued: Queued,
    recipients: readonly Recipient[],
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> {
    const { job, inline } = queued;
    const { returnPaths, proven, lmtp } = this.#leaving;
    if (job.sender.requireTls && !lmtp) {
      const { extensions, remote } = this.#client;
      if (!proven) return recipients.map(() => ({ kind: "deferred", reply: notProven, remote }));
      if (!extensions.requireTls)
        return recipients.map(() => ({ kind: "failed", reply: noRequireTls, remote }));
    }
    const fields = await this.#front(queued, signal);
    const whole = inline && (fields.length === 0 ? inline : Buffer.concat([fields, inline]));
    const body = whole ? () => whole : () => inFront(fields, this.#queue.body(queued, signal));
    const size = job.body.size + fields.length;
    return this.#client.send({ sender: returnPaths?.of(job) ?? job.sender, recipients, size, body }, signal);
  }

  /** What goes in front: signatures, then what they cover of our own, then what was known when the message had come. */
  async #front(queued: Queued, signal: AbortSignal): Promise<Uint8Array> {
    const { signer, feedback } = this.#leaving;
    const added = feedback?.fields(queued.job) ?? "";
    const signature = (await signer?.fields(queued, added, signal)) ?? nothing;
    const known = `${added}${queued.job.prepend ?? ""}`;
    return known === "" ? signature : Buffer.concat([signature, Buffer.from(known)]);
  }

  /**
   * A server that takes only so many recipients at a time gets the rest in further transactions at once, as long as each
   * brings somebody further. RFC 5321 §4.5.3.1.10
   */
  async #again(queued: Queued, outcomes: Outcome[], signal: AbortSignal): Promise<void> {
    const { recipients } = queued.job;
    for (;;) {
      const left = [...outcomes.keys()].filter((i) => isTooMany(outcomes[i]));
      if (left.length === 0 || left.length === recipients.length || !this.#client.reusable) return;
      const next = await this.#send(
        queued,
        left.map((i) => recipients[i] as Recipient),
        signal,
      );
      for (const [at, i] of left.entries()) outcomes[i] = next[at] as Outcome;
      if (next.every(isTooMany)) return;
    }
  }

  close(): Promise<void> {
    return this.#client.quit();
  }
}

const notProven = reply(
  451,
  "4.7.5",
  "The sender requires TLS all the way (REQUIRETLS), and this host cannot be proven to be the right one",
);
/** RFC 8689 §4.2.1 */
const noRequireTls = reply(
  550,
  "5.7.30",
  "The sender requires TLS all the way (REQUIRETLS), which this host does not support",
);

const nothing = new Uint8Array();

async function* inFront(fields: Uint8Array, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (fields.length > 0) yield fields;
  yield* body;
}

const isTooMany = (outcome: Outcome | undefined): boolean =>
  outcome?.kind === "deferred" && outcome.reply.code === 452 && outcome.reply.enhanced === "4.5.3";

/** A body that does not exist will not come back; any other trouble is the store's, and passes. */
export function unreadable(error: unknown): Outcome {
  // Such a message was never accepted by us; if one lies there all the same, it must not leave. RFC 5321 §2.3.8
  if (error instanceof BareNewline)
    return {
      kind: "failed",
      reply: reply(554, "5.6.0", "The message has a bare CR or LF and cannot be sent"),
    };
  if (error instanceof BodyMissing)
    return { kind: "failed", reply: reply(554, "5.3.0", "The message's text is no longer in our queue") };
  return {
    kind: "deferred",
    reply: reply(451, "4.3.0", `The message could not be read: ${(error as Error).message}`),
  };
}
