/** What the delivering roles are given, and what they have opened of it themselves. */
import type { LiveDirectory } from "../directory/directory.ts";
import type { Endpoint } from "../kit/flags.ts";
import type { Log } from "../kit/log.ts";
import type { MailLines } from "../queue/mail-lines.ts";
import type { Note } from "../reports/recorder.ts";
import type { Metrics } from "./metrics.ts";
import type { RunOptions } from "./options.ts";
import type { Reputation } from "./reputation.ts";
import type { Store } from "./store.ts";
import type { Tracing } from "./tracing/tracing.ts";

export interface DeliveryContext {
  readonly options: RunOptions;
  readonly store: Store;
  readonly live: LiveDirectory;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Aborted when everything must end at once. */
  readonly abort: AbortSignal;
  /** Aborted when nothing new must begin. */
  readonly drain: AbortSignal;
  /** Where our own SMTP listeners are: mail to them would come back. */
  readonly listening: () => readonly Endpoint[];
  /** How many clients are connected. */
  readonly clientSessions: () => number;
  /** Counts for reports to others. */
  readonly note?: Note;
  readonly tracing?: Tracing | undefined;
  readonly lines: MailLines;
}

export interface OpenedContext extends DeliveryContext {
  readonly reputation: Reputation;
}
