/**
 * What is done to mailboxes, told to whoever counts: deliveries, and the changes that sessions make, each change once it is stored
 * or given up.
 */
import { Overtaken, type Unit } from "../../mailbox/journal.ts";
import type { Filed } from "../../mailbox/store.ts";
import { JetStreamJournal } from "./journal.ts";

const mailboxOperations = ["deliver", "add", "flag", "move", "remove", "folders"] as const;
export type MailboxOperation = (typeof mailboxOperations)[number];
/** `overtaken`: another session was first, and it is done again; `failed`: the store did not take it. */
export type MailboxResult = "done" | "duplicate" | "over-quota" | "overtaken" | "failed";

/** `messages`: how many it concerned, 1 for folders. */
export type ObserveMailbox = (
  operation: MailboxOperation,
  result: MailboxResult,
  messages: number,
  ms: number,
) => void;

const named = { new: "add", change: "flag", moved: "move", gone: "remove" } as const;

export class ObservedJournal extends JetStreamJournal {
  readonly #observe: ObserveMailbox;

  constructor(observe: ObserveMailbox, ...[mailbox, parts]: ConstructorParameters<typeof JetStreamJournal>) {
    super(mailbox, parts);
    this.#observe = observe;
  }

  override async commit(unit: Unit): Promise<number> {
    const began = performance.now();
    const tell = (result: MailboxResult) => {
      const ms = performance.now() - began;
      for (const [operation, messages] of operationsOf(unit)) this.#observe(operation, result, messages, ms);
    };
    try {
      const sequence = await super.commit(unit);
      tell("done");
      return sequence;
    } catch (error) {
      tell(error instanceof Overtaken ? "overtaken" : "failed");
      throw error;
    }
  }
}

function operationsOf({ edits }: Unit): ReadonlyMap<MailboxOperation, number> {
  const found = new Map<MailboxOperation, number>();
  for (const { kind } of edits) found.set(named[kind], (found.get(named[kind]) ?? 0) + 1);
  return found.size === 0 ? new Map([["folders", 1]]) : found;
}

const results = { filed: "done", duplicate: "duplicate", overQuota: "over-quota" } as const;

/** Of one delivery. */
export async function observedDelivery(observe: ObserveMailbox, delivering: Promise<Filed>): Promise<Filed> {
  const began = performance.now();
  const tell = (result: MailboxResult) => observe("deliver", result, 1, performance.now() - began);
  try {
    const filed = await delivering;
    tell(results[filed.kind]);
    return filed;
  } catch (error) {
    tell("failed");
    throw error;
  }
}
