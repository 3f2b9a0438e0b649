/** MAIL and DATA: while the queue takes nothing in (nearly full, or NATS is away), the client hears so at once. */
import type { Admission } from "../../queue/queue.ts";
import type { Verdict } from "../../smtp/mailroom.ts";

export const admission = (queue: { admission(): Admission }) => (): Verdict => {
  const state = queue.admission();
  return state.open ? undefined : state.reply;
};
