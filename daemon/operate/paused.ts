/** Which policies' delivery is paused: by their resource, or because an operator has suspended them. */
import type { Directory } from "../directory/directory.ts";
import type { Suspensions } from "../nats/suspensions.ts";
import type { IsPaused } from "./filter.ts";

/** Where nothing is declared, nothing is paused by a resource. */
export const pausedBy =
  (directory: () => Directory | undefined, suspensions: Pick<Suspensions, "of">): IsPaused =>
  ({ class: cls, policy }) =>
    cls === "relay" &&
    (directory()?.policy(policy)?.spec.paused === true || suspensions.of(policy) !== undefined);
