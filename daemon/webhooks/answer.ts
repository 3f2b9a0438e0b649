/**
 * How a webhook is called, and what an answer means.
 *
 * In:     status and headers as the receiver sent them, or why there was no answer. Receivers are strangers.
 * Out:    `taken`, by any 2xx and nothing else. `gone`, by 410: it wants to be called no more. Else `failed`, and how long the
 *         receiver wants to be left alone, if it says so (at most an hour: more would be a way to stop us).
 * Fails:  never.
 * Spec:   RFC 9110 §10.2.3 (Retry-After), §15.5.11 (410).
 */
export interface Call {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Answer =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter?: string | undefined }
  | { readonly kind: "unreachable"; readonly why: string };

/** Posts; never rejects. */
export type Post = (call: Call, signal: AbortSignal) => Promise<Answer>;

export type Verdict =
  | { readonly kind: "taken" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly why: string; readonly waitMs: number };

const longestWaitMs = 3_600_000;
const whyMax = 200;

export function verdictOf(answer: Answer, now: number): Verdict {
  if (answer.kind === "unreachable") return { kind: "failed", why: printable(answer.why), waitMs: 0 };
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: "taken" };
  if (status === 410) return { kind: "gone" };
  const why = status >= 300 && status < 400 ? `${status}: redirects are not followed` : `answered ${status}`;
  return { kind: "failed", why, waitMs: waitOf(retryAfter, now) };
}

/** Seconds, or a date. What is neither says nothing. */
function waitOf(text: string | undefined, now: number): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : httpDate(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), longestWaitMs) : 0;
}

/** IMF-fixdate; whatever else `Date` would take is no date of HTTP. RFC 9110 §5.6.7 */
const httpDate = (text: string): number =>
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;

const printable = (text: string): string =>
  text
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, whyMax)
    .toWellFormed();
