/**
 * Posts events to the receivers that webhooks name.
 *
 * In:     a URL, headers, the body; how names are resolved, and which addresses may be reached besides public ones.
 * Out:    status and Retry-After of the answer; what else it holds is read past, up to a bound, so that the connection can
 *         be kept.
 * Fails:  never: what is no answer in time is `unreachable`, with words fit for people.
 * Safety: the place was chosen by a tenant, and our pods are shared. Each connection goes to an address that was looked at
 *         (our own look-up; a name that changes in between changes nothing), public unless it is allowed; redirects are not
 *         followed; the certificate must be valid for the name; header and time are bounded.
 */
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { readVersion } from "../kit/version.ts";
import type { Answer, Call } from "../webhooks/answer.ts";
import { isPublic } from "./post-report.ts";
import { onUnanswered } from "./unanswered.ts";

export interface PosterOptions {
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Addresses that may be reached besides those of the public Internet. */
  readonly allowed: (address: string) => boolean;
  readonly ca?: string;
  readonly patienceMs?: number;
}

/** Public addresses behind which clouds keep what belongs to a machine. */
const cloudOwn: ReadonlySet<string> = new Set(["168.63.129.16"]);
const usualPatienceMs = 15_000;
const headerMax = 16 << 10;
/** As much of an answer as is read for the sake of its connection. */
const answerMax = 16 << 10;
const drainMs = 2_000;
const idleMs = 10_000;

export async function openPoster(options: PosterOptions): Promise<Poster> {
  return new Poster(options, `postfleet/${await readVersion()}`);
}

export class Poster implements Disposable {
  readonly #o: PosterOptions;
  readonly #userAgent: string;
  readonly #plain = new http.Agent({ keepAlive: true, maxFreeSockets: 2, timeout: idleMs });
  readonly #secure = new https.Agent({
    keepAlive: true,
    maxFreeSockets: 2,
    timeout: idleMs,
    minVersion: "TLSv1.2",
  });

  constructor(options: PosterOptions, userAgent: string) {
    this.#o = options;
    this.#userAgent = userAgent;
  }

  readonly post = async (call: Call, stop: AbortSignal): Promise<Answer> => {
    const { patienceMs = usualPatienceMs } = this.#o;
    const patience = AbortSignal.timeout(patienceMs);
    try {
      return await this.#send(call, AbortSignal.any([stop, patience]));
    } catch (error) {
      const late = patience.aborted && !stop.aborted;
      return { kind: "unreachable", why: late ? `no answer within ${patienceMs / 1_000} s` : wordsOf(error) };
    }
  };

  async #send({ url, headers, body }: Call, signal: AbortSignal): Promise<Answer> {
    const { protocol, hostname } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    if (ipaddr.isValid(host)) this.#reachable(host, [host]); // nobody looks it up
    const octets = Buffer.from(body);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const options: https.RequestOptions = {
      method: "POST",
      signal,
      agent: protocol === "https:" ? this.#secure : this.#plain,
      lookup: this.#lookup(signal),
      maxHeaderSize: headerMax,
      headers: { ...headers, "content-length": octets.length, "user-agent": this.#userAgent },
      ...(this.#o.ca === undefined ? {} : { ca: this.#o.ca }),
    };
    const asking = (protocol === "https:" ? https : http).request(url, options, (answer) => {
      const { statusCode = 0, headers: told } = answer;
      resolve({ kind: "answered", status: statusCode, retryAfter: told["retry-after"] });
      readPast(answer);
    });
    asking.on("error", reject);
    onUnanswered(asking, reject);
    asking.end(octets);
    return promise;
  }

  /** For new connections only; those that are kept were looked at when they were made. */
  #lookup(signal: AbortSignal): LookupFunction {
    return (host, options, done) => {
      this.#o.resolve(host, signal).then(
        (found) => {
          try {
            const good = this.#reachable(host, found);
            const all = good.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
            if (options.all) return done(null, all);
            const [{ address, family } = { address: "", family: 4 }] = all;
            done(null, address, family);
          } catch (error) {
            done(error as Error, "");
          }
        },
        (error: Error) => done(error, ""),
      );
    };
  }

  /** Those that may be reached; throws when none may. */
  #reachable(host: string, found: readonly string[]): readonly string[] {
    const open = (address: string) => isPublic(address) && !cloudOwn.has(ipaddr.process(address).toString());
    const good = found.filter((address) => open(address) || this.#o.allowed(address));
    if (good.length > 0) return good;
    throw new Error(found.length === 0 ? `${host} has no address` : `${host} is not on the public Internet`);
  }

  [Symbol.dispose](): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

function readPast(answer: http.IncomingMessage): void {
  let size = 0;
  const late = setTimeout(() => answer.destroy(), drainMs);
  answer.on("data", (part: Buffer) => {
    size += part.length;
    if (size > answerMax) answer.destroy();
  });
  answer.on("error", () => {}); // the answer was known already
  answer.on("close", () => clearTimeout(late));
}

const wordsOf = (error: unknown): string => {
  const { message, code, errors } = error as { message?: string; code?: string; errors?: readonly Error[] };
  const first = errors?.[0]?.message; // of several addresses
  return first ?? (message || code || "no answer");
};
