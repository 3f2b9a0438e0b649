/**
 * A stream with a history of atomic batches, and copies of it that know more or less of that history: who answers a question
 * is the test's to say, as it is chance's in a cluster whose leader was cut off.
 *
 * Use:    `const link = linkToCopies(history, () => reach)`: the next question is answered by a copy that knows all up to `reach`.
 */
import { headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { Link } from "../../daemon/nats/connect.ts";

export interface Stored {
  readonly subject: string;
  /** Empty: the subject holds nothing any more. */
  readonly data: string;
}

/** Sequences count from 1, through all batches. */
export type Batches = readonly (readonly Stored[])[];

interface Known extends Stored {
  readonly sequence: number;
}

/** How far the stream reaches after so many batches. */
export const reachAfter = (history: Batches, batches: number): number =>
  history.slice(0, batches).reduce((sum, batch) => sum + batch.length, 0);

/** The last record of each subject. */
export function stateAt(history: Batches, reach: number): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  let sequence = 0;
  for (const stored of history.flat().slice(0, reach))
    known.set(stored.subject, { ...stored, sequence: ++sequence });
  return known;
}

const noMessage = { error: { code: 404, err_code: 10037, description: "no message found" } };

/** `answers`: how far the copy reaches that answers the next question. */
export function linkToCopies(history: Batches, answers: () => number): Link {
  const listeners = new Map<string, (error: null, message: Msg) => void>();
  const ask = (
    api: string,
    question: { readonly last_by_subj?: string; readonly subjects_filter?: string },
  ) => {
    const reach = answers();
    const state = stateAt(history, reach);
    if (api.startsWith("$JS.API.STREAM.INFO.")) {
      const matching = [...state.keys()].filter((subject) => fits(subject, question.subjects_filter ?? ""));
      const subjects = Object.fromEntries(matching.map((subject) => [subject, 1]));
      return { total: matching.length, state: { last_seq: reach, subjects } };
    }
    const found = state.get(question.last_by_subj ?? "");
    if (!found) return noMessage;
    return {
      message: {
        subject: found.subject,
        seq: found.sequence,
        time: "2026-11-23T09:00:00Z",
        data: btoa(found.data),
      },
    };
  };
  const nc = {
    request: async (api: string, question: string) => ({ json: () => ask(api, JSON.parse(question)) }),
    subscribe: (inbox: string, { callback }: { callback: (error: null, message: Msg) => void }) => {
      listeners.set(inbox, callback);
      return { unsubscribe: () => listeners.delete(inbox) };
    },
    publish: (_: string, question: string, { reply }: { reply: string }) => {
      const reach = answers();
      for (const message of page(stateAt(history, reach), JSON.parse(question).multi_last, reach))
        listeners.get(reply)?.(null, message);
    },
  };
  let inboxes = 0;
  return { nc: nc as unknown as NatsConnection, inbox: () => `inbox.${++inboxes}` } as Link;
}

/** As ADR-31 has it: the records in their order, then the end, which says how far the copy has read. */
function page(state: ReadonlyMap<string, Known>, subjects: readonly string[], reach: number): Msg[] {
  const found = subjects
    .flatMap((subject) => state.get(subject) ?? [])
    .sort((a, b) => a.sequence - b.sequence);
  if (found.length === 0) return [messageOf("", 404, {})];
  return [
    ...found.map(({ subject, sequence, data }) =>
      messageOf(data, 0, { "Nats-Subject": subject, "Nats-Sequence": `${sequence}` }),
    ),
    messageOf("", 204, { "Nats-Num-Pending": "0", "Nats-UpTo-Sequence": `${reach}` }),
  ];
}

function messageOf(data: string, code: number, fields: Readonly<Record<string, string>>): Msg {
  const head = code === 0 ? headers() : headers(code, "of a copy");
  for (const [name, value] of Object.entries(fields)) head.set(name, value);
  return { data: Buffer.from(data), headers: head } as Partial<Msg> as Msg;
}

/** `*` is one token, `>` the rest. */
const fits = (subject: string, filter: string): boolean =>
  new RegExp(`^${filter.replaceAll(".", "\\.").replaceAll("*", "[^.]+").replace(/>$/, ".+")}$`).test(subject);
