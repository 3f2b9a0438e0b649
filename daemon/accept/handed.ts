/**
 * A message as the session hands it over to the sink, and what comes back of it: the seam between who decides about a message
 * and who carries its octets. `draft.ts` implements `Draft`.
 */
import type { HeaderFacts, HeaderScanner } from "../mail/headers.ts";
import type { Reply } from "../mail/reply.ts";
import type { MessageId } from "../queue/job.ts";
import type { NewJob } from "../queue/queue.ts";
import type { Inspection, Judgement } from "./inspection.ts";
import type { Screened } from "./screening.ts";

/** What was found out about a message. */
export interface Findings {
  readonly judgement?: Judgement | undefined;
  readonly screened?: Screened | undefined;
}

/** A message that has come, with what we put in front of it, before it is taken. */
export interface Whole {
  /** Octets. */
  readonly body: number;
  octets(signal: AbortSignal): AsyncIterable<Uint8Array>;
  readonly judgement: Judgement | undefined;
}

export interface Draft {
  readonly id: MessageId;
  /** Octets, without what we put in front. */
  readonly limit: number;
  readonly scan: HeaderScanner;
  /** Hold the header section back until it is over, since `prelude` depends on it. */
  readonly holdHeader: boolean;
  /** Why the message is refused, if it is, by what its header section says. */
  judge(header: HeaderFacts): Reply | undefined;
  /** What goes in front: trace lines, and fields that are missing. The header section is known when it was held. */
  prelude(header: HeaderFacts | undefined): Uint8Array;
  /** Examines it while it passes; then the header section is held back. */
  readonly inspection?: Inspection | undefined;
  /** For a section that is held back: what of it travels on, or why the message is refused. */
  section?(octets: Buffer): Uint8Array | Reply;
  /** Shows it to content filters when it has come as a whole. In time, and never rejects. */
  screen?(whole: Whole): Promise<Screened>;
  jobs(findings: Findings): readonly NewJob[];
  /** Called once the message is durable, before the client hears so. */
  accepted(octets: number, jobs: readonly NewJob[]): void | Promise<void>;
}
