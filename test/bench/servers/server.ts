/**
 * A mail server under test: a durable relay that sends everything on to the sink.
 */
import type { Sink } from "../kit/sink.ts";

export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** Where it accepts mail on 127.0.0.1. */
  readonly port: number;
  /** The process above all of its processes. */
  readonly pid: number;
  /** Where its mail ends; absent: in the sink that the others have. */
  readonly sink?: Sink;
  /** A file with a message of so many octets; absent: smtp-source makes one. */
  readonly mail?: (octets: number) => Promise<string>;
  /** Messages that it still holds. */
  queued(): Promise<number>;
}

/**
 * `postfleet-dkim`: it signs every message, by RSA-2048 and Ed25519; `-rsa`, `-ed25519`: by one of them. `postfleet-in`, `postfleet-checks`: what `inbound.ts`
 * says.
 */
export type ServerName =
  | "postfleet"
  | "postfleet-dkim"
  | "postfleet-rsa"
  | "postfleet-ed25519"
  | "postfleet-in"
  | "postfleet-checks"
  | "postfix"
  | "haraka";

/** What a server is told at its start. */
export interface Setting {
  readonly sinkPort: number;
  /** A folder on the disk that all of them write to. */
  readonly state: string;
  /** More of its environment. */
  readonly env?: NodeJS.ProcessEnv;
}
