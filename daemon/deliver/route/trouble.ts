/**
 * The ways in which routing ends without a next hop, each in one place with its codes and words.
 *
 * Spec: RFC 3463 §3.2, §3.5; RFC 7505 §4.2 (5.1.10); RFC 5321 §5.1 (loops). DNS trouble that may pass is 4yz.
 */
import { reply } from "../../mail/reply.ts";
import type { Routed } from "./types.ts";

/** A temporary answer of ours is asked for again soon: whoever tries earlier would hear the same. */
const briefMs = 5_000;

const deferred = (enhanced: string, text: string): Routed => ({
  route: { kind: "deferred", reply: reply(451, enhanced, text) },
  validMs: briefMs,
});

const failed = (code: number, enhanced: string, text: string, validMs: number): Routed => ({
  route: { kind: "failed", reply: reply(code, enhanced, text) },
  validMs,
});

export const trouble = {
  noSuchDomain: (domain: string, ms: number) =>
    failed(550, "5.1.2", `The domain ${domain} does not exist`, ms),
  noMail: (domain: string, ms: number) =>
    failed(556, "5.1.10", `The domain ${domain} does not accept mail (null MX)`, ms),
  noHost: (domain: string, ms: number) =>
    failed(550, "5.4.4", `The domain ${domain} has no mail server: no MX and no address record`, ms),
  noMxHost: (domain: string, ms: number) =>
    failed(550, "5.4.4", `None of the mail servers that the domain ${domain} names has an address`, ms),
  loop: (domain: string, ms: number) =>
    failed(
      554,
      "5.4.6",
      `Mail for ${domain} loops back to this host: it is a mail server for the domain, but not set up to accept it`,
      ms,
    ),
  dns: (domain: string, text: string) =>
    deferred("4.4.3", `The DNS gives no answer for ${domain} now: ${text}`),
  mxHosts: (domain: string) =>
    deferred("4.4.4", `The mail servers of ${domain} cannot be found in the DNS now`),
  insecure: (domain: string, why: string) =>
    deferred("4.7.5", `No mail server of ${domain} can be used safely now: ${why}`),
  /** A host that an administrator named is never given up: correcting the name must save the mail. */
  hop: (host: string, text: string) => deferred("4.4.4", `The next hop ${host} cannot be found: ${text}`),
  hopIsUs: (host: string) => deferred("4.4.6", `The next hop ${host} is this host itself`),
  /** Nobody is told that it failed while somebody may only have made a mistake: it waits until its lifetime is over. */
  domainGone: (domain: string) =>
    deferred("4.3.5", `${domain} is no longer declared here; its mail waits in case it returns`),
  noPolicy: (policy: string) => deferred("4.3.5", `The RelayPolicy ${policy} does not exist`),
  noSecret: (host: string) =>
    deferred("4.3.5", `The Secret with the password for the next hop ${host} does not exist`),
} as const;
