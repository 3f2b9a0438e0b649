/**
 * Logins over a directory in memory: `hash of secret` is the hash of `secret`, and no issuer answers.
 */
import { Guard } from "../../daemon/auth/guard.ts";
import { type Client, Logins, type VerifyPassword } from "../../daemon/auth/login.ts";
import type { Fetch } from "../../daemon/auth/oidc/issuers.ts";
import { Tokens } from "../../daemon/auth/oidc/tokens.ts";
import { type Channel, Sasl } from "../../daemon/auth/sasl/sasl.ts";
import type { LiveDirectory } from "../../daemon/directory/directory.ts";
import type { Clock } from "../../daemon/kit/clock.ts";
import { type Log, silent } from "../../daemon/kit/log.ts";
import { MemoryUses } from "../../daemon/mailbox/uses.ts";
import { FakeClock } from "./fake-clock.ts";

const hashOf = (password: string): string => `hash of ${password}`;
export const fitsHash: VerifyPassword = async (hashes, password) => hashes.indexOf(hashOf(password));

export interface LoginOptions {
  readonly clock?: Clock;
  readonly verify?: VerifyPassword;
  readonly fetch?: Fetch;
  readonly log?: Log;
}

const away: Fetch = () => Promise.reject(new Error("no issuer here"));
const guardKey = Buffer.alloc(32, 3);

export function loginsOf(live: LiveDirectory, options: LoginOptions = {}) {
  const { clock = new FakeClock(), verify = fitsHash, fetch = away, log = silent } = options;
  const guard = new Guard(guardKey, () => clock.now());
  const uses = new MemoryUses();
  const logins = new Logins({ live, clock, verify, guard, uses, log });
  const tokens = new Tokens({ live, fetch, clock, log });
  const sasl = new Sasl({ live, logins, tokens, secret: Buffer.alloc(32) });
  return { clock, guard, uses, logins, tokens, sasl };
}

export const clientAt = (network = "192.0.2.1", scope: Client["scope"] = "IMAP"): Client => ({
  network,
  scope,
});
export const channelAt = (binding?: Buffer, client = clientAt()): Channel => ({
  ...client,
  binding: () => binding,
});
