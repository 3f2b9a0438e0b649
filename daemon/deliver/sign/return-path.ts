/**
 * The reverse-path that a message leaves with: its own, or, for what a stranger sent and we pass on, one of ours that leads
 * back to it.
 *
 * In:     the job, one directory, the keys of its policy's namespace.
 * Out:    the sender to tell the next hop.
 * Why:    SPF at the destination asks the record of the path's domain, and a stranger's record does not name our hosts.
 */
import type { LiveDirectory } from "../../directory/directory.ts";
import type { Clock } from "../../kit/clock.ts";
import { domainOf } from "../../mail/address.ts";
import type { Sender } from "../../mail/envelope.ts";
import { rewrittenPath } from "../../mail/srs.ts";
import type { Job } from "../../queue/job.ts";
import { forwardingDomain, isForward } from "./signing-domain.ts";

export interface ReturnPathsOptions {
  readonly directory: Pick<LiveDirectory, "current">;
  /** Of a namespace, the newest first. */
  readonly keys: (namespace: string) => readonly Buffer[];
  readonly clock: Pick<Clock, "now">;
}

export class ReturnPaths {
  readonly #o: ReturnPathsOptions;

  constructor(options: ReturnPathsOptions) {
    this.#o = options;
  }

  of(job: Job): Sender {
    const { sender } = job;
    if (sender.path === "" || !isForward(job)) return sender;
    const directory = this.#o.directory.current();
    if (directory.domain(domainOf(sender.path)) || directory.domain(job.destination)) return sender;
    const forwarder = forwardingDomain(job, directory);
    const [key] = forwarder ? this.#o.keys(forwarder.namespace) : [];
    if (forwarder === undefined || key === undefined) return sender;
    const path = rewrittenPath(sender.path, forwarder.domain, key, this.#o.clock.now());
    return path === undefined ? sender : { ...sender, path };
  }
}
