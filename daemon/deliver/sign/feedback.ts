/**
 * The fields that let a report prove which message of ours it is about, and ask a recipient's provider to tell us of
 * complaints.
 *
 * In:     the job; one directory; the keys of its namespace.
 * Out:    `CFBL-Feedback-ID` where the policy suppresses anything by itself, and `CFBL-Address` where it wants complaints,
 *         CRLF-ended; or nothing: the message has several recipients at once (a token that named them all would let one
 *         speak for another), no sender, or came from a stranger (who complains of a forward complains of somebody else).
 * Spec:   RFC 9477 §3.1, §3.2; they are signed with the rest.
 */
import type { LiveDirectory } from "../../directory/directory.ts";
import { domainOf } from "../../mail/address.ts";
import { feedbackId } from "../../mail/feedback-id.ts";
import type { Job } from "../../queue/job.ts";
import { namespaceOf } from "../suppression/judge.ts";
import { isForward } from "./signing-domain.ts";

export interface FeedbackOptions {
  readonly directory: Pick<LiveDirectory, "current">;
  /** Of a namespace, the newest first. */
  readonly keys: (namespace: string) => readonly Buffer[];
}

export class Feedback {
  readonly #o: FeedbackOptions;

  constructor(options: FeedbackOptions) {
    this.#o = options;
  }

  fields(job: Job): string {
    const directory = this.#o.directory.current();
    const { complaints, hardBounces } = directory.policy(job.policy)?.suppression ?? {};
    const namespace = namespaceOf(job.policy);
    const heard = complaints && directory.domain(domainOf(complaints.address))?.namespace === namespace;
    if (!heard && hardBounces === undefined) return "";
    const [only, ...others] = job.recipients;
    if (only === undefined || others.length > 0 || job.sender.path === "" || isForward(job)) return "";
    const [key] = this.#o.keys(namespace);
    if (key === undefined) return "";
    const address = heard ? `CFBL-Address: ${complaints.address}; report=arf\r\n` : "";
    const token = feedbackId({ message: job.message, recipient: only.address }, key);
    return `${address}CFBL-Feedback-ID:\r\n ${token}\r\n`;
  }
}
