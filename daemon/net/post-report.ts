/**
 * Posts a report to a place that somebody's DNS names.
 *
 * In:     a URL and the packed report; how names are resolved.
 * Out:    what the server answered.
 * Fails:  rejects with words fit for people for anything but a 2xx in time.
 * Safety: the place was chosen by a stranger. Only https, only to addresses of the public Internet, found by our own look-up
 *         and then connected to as they were looked at (a name that changes in between changes nothing); redirects are not
 *         followed; what is answered is read past, up to a bound.
 * Spec:   RFC 8460 §5.4; special-purpose addresses: RFC 6890.
 */
import { type RequestOptions, request } from "node:https";
import ipaddr from "ipaddr.js";
import { onUnanswered } from "./unanswered.ts";

export interface PostMeans {
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Only tests allow more. */
  readonly mayReach?: (address: string) => boolean;
  readonly ca?: string;
}

const patienceMs = 30_000;
const answerMax = 64 << 10;

export async function postReport(
  url: string,
  packed: Uint8Array,
  { resolve, mayReach = isPublic, ca }: PostMeans,
  stop: AbortSignal,
): Promise<string> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(patienceMs)]);
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:") throw new Error("only https is spoken");
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const found = ipaddr.isValid(host) ? [host] : await resolve(host, signal);
  const address = found.find(mayReach);
  if (address === undefined)
    throw new Error(
      found.length === 0
        ? `${host} has no address`
        : `${host} is not on the public Internet: ${found.join(", ")}`,
    );
  return post(url, packed, signal, { lookup: at(address), ...(ca === undefined ? {} : { ca }) });
}

/** An address that any host of the Internet may have; those in IPv6 that stand for an IPv4 address are judged by it. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return parsed.range() === "unicast";
}

/** Whatever is asked, this is where it is. */
const at =
  (address: string): NonNullable<RequestOptions["lookup"]> =>
  (_host, options, done) => {
    const family = address.includes(":") ? 6 : 4;
    if (options.all)
      (done as (e: null, all: { address: string; family: number }[]) => void)(null, [{ address, family }]);
    else done(null, address, family);
  };

function post(
  url: string,
  packed: Uint8Array,
  signal: AbortSignal,
  more: Pick<RequestOptions, "lookup" | "ca">,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = {
    "content-type": "application/tlsrpt+gzip",
    "content-length": packed.length,
    "user-agent": "postfleet",
  };
  const options = { method: "POST", signal, agent: false, minVersion: "TLSv1.2", headers, ...more } as const;
  const asking = request(url, options, (answer) => {
    const { statusCode = 0 } = answer;
    let size = 0;
    answer.on("data", (part: Buffer) => {
      size += part.length;
      if (size > answerMax) asking.destroy(new Error(`${url} answers with more than ${answerMax} octets`));
    });
    answer.on("end", () => {
      if (statusCode >= 200 && statusCode < 300) resolve(`answered ${statusCode}`);
      else reject(new Error(`answered ${statusCode}`));
    });
    answer.on("error", reject);
  });
  asking.on("error", reject);
  onUnanswered(asking, reject);
  asking.end(packed);
  return promise;
}
