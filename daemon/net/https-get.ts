/**
 * Fetches a small document over HTTPS, text or JSON; or sends a form for one.
 *
 * In:     a URL; the authorities to trust instead of the public ones, if any.
 * Out:    what the document holds.
 * Fails:  rejects for anything but a 200 with at most `limit` octets (of the media type `type`, of JSON, where that is asked
 *         for) in time. Redirects are not followed: whoever may name the document's place should name it.
 */
import { type RequestOptions, request } from "node:https";
import { onUnanswered } from "./unanswered.ts";

const usualLimit = 1 << 20;

export async function getJson(url: string, ca: string | undefined, signal: AbortSignal): Promise<unknown> {
  const headers = { accept: "application/json" };
  return JSON.parse(await getText(url, { headers, ...(ca ? { ca } : {}) }, signal)) as unknown;
}

/** What `getText` may be told besides: authorities, the most octets, and (in tests) where the host is. */
export type GetOptions = Pick<RequestOptions, "ca" | "headers" | "lookup"> & {
  readonly limit?: number;
  /** The media type that it must have, if it says any. */
  readonly type?: string;
  /** Sent as a form, instead of asking for a document. */
  readonly form?: URLSearchParams;
};

/** Sends a form and reads what comes back as JSON. */
export async function postForm(
  url: string,
  form: URLSearchParams,
  { headers, ...more }: Omit<GetOptions, "form">,
  signal: AbortSignal,
): Promise<unknown> {
  const all = { ...headers, accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  return JSON.parse(await getText(url, { ...more, headers: all, form }, signal)) as unknown;
}

export function getText(
  url: string,
  { limit = usualLimit, type, form, ...more }: GetOptions,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const method = form === undefined ? "GET" : "POST";
  const options = { signal, method, agent: false, minVersion: "TLSv1.2", ...more } as const;
  const asking = request(url, options, (answer) => {
    if (answer.statusCode !== 200) {
      answer.resume();
      return reject(new Error(`${url} answers ${answer.statusCode}`));
    }
    const given = answer.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
    if (type !== undefined && given !== undefined && given !== type)
      return void asking.destroy(new Error(`${url} answers with ${given.slice(0, 100)} instead of ${type}`));
    const parts: Buffer[] = [];
    let size = 0;
    answer.on("data", (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > limit) asking.destroy(new Error(`${url} answers with more than ${limit} octets`));
    });
    answer.on("end", () => resolve(Buffer.concat(parts).toString()));
    answer.on("error", reject);
  });
  asking.on("error", reject);
  onUnanswered(asking, reject);
  asking.end(form?.toString());
  return promise;
}
