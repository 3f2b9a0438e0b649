/**
 * What a server tells of its connections, for the figures. Each is called on the road of every command, and must be cheap.
 */
import type { Spoken } from "../kit/spoken.ts";

export interface ServerEvents {
  opened?(): void;
  closed?(): void;
  /** TLS began: `TLSv1.3`, or whichever version it is. */
  secured?(protocol: string): void;
  readonly spoke?: Spoken;
}
