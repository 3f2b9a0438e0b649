/**
 * Questions of tests to NATS that name no time of their own have a minute, instead of the client's second: on a busy
 * machine a stream that is deleted, or a write that is fsynced, takes several seconds, and the test is about something else.
 *
 * In:     a link, whose own code names the time that each of its questions may take.
 */
import type { Link } from "../../daemon/nats/connect.ts";

const PATIENCE_MS = 60_000;

export function patient(link: Link): Link {
  const { nc } = link;
  const request = nc.request.bind(nc);
  nc.request = (subject, payload, options = { timeout: PATIENCE_MS }) => request(subject, payload, options);
  return link;
}

/**
 * A minute also where our own code gives its questions less: for tests in which nobody is meant to be late, and a disk that
 * stands still for five seconds would make a store of ours unavailable.
 */
export function unhurried(link: Link): Link {
  const { nc } = link;
  const request = nc.request.bind(nc);
  nc.request = (subject, payload, options) =>
    request(subject, payload, { ...options, timeout: Math.max(options?.timeout ?? 0, PATIENCE_MS) });
  return link;
}
