/**
 * A request whose connection ends without an answer and without an error, as after a 101 that nobody asked for: Node tells of
 * its end only, and who waits for one of the others would wait for ever.
 */
import type { ClientRequest } from "node:http";

export function onUnanswered(asking: ClientRequest, tell: (error: Error) => void): void {
  let isAnswered = false;
  asking.once("response", () => {
    isAnswered = true;
  });
  asking.once("close", () => {
    if (!isAnswered) tell(new Error("the connection ended without an answer"));
  });
}
