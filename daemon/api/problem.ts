/** Why a request is not answered as wished: a problem document. RFC 9457 */
import type { WebAnswer } from "../net/web.ts";

export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Log in first",
  403: "Not allowed",
  404: "Not found",
  405: "Not this method",
  409: "Not as things are now",
  413: "Too large",
  415: "Unsupported media type",
  421: "Not this host",
  429: "Too many attempts",
  500: "Something is wrong here",
  503: "Try again shortly",
};

export const problemType = "application/problem+json";

/** What every answer of the API says: kept by nobody, shown by no page of others. */
export const apiHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

export function problemAnswer({ status, message, headers }: ApiProblem): WebAnswer {
  return {
    status,
    headers: { ...apiHeaders, "content-type": problemType, ...headers },
    body: `${JSON.stringify({ title: titles[status] ?? "Error", status, detail: message })}\n`,
  };
}
