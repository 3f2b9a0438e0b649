/**
 * What the API server said: an object, or a `KubeError` with the words of its `metav1.Status`.
 */
import { KubeError } from "./port.ts";
import type { Answer } from "./transport.ts";

/** `metav1.Status`, as far as we read it. */
export interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** For answers of something that stands before the API server, which knows no Status. */
const reasons: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

export function parseAnswer<T>(answer: Answer, what: string): T {
  if (answer.status < 200 || answer.status >= 300) throw refusal(answer, what);
  return JSON.parse(answer.text) as T;
}

export function refusal({ status, text, retryAfterMs }: Answer, what: string): KubeError {
  const said = statusIn(text);
  return errorOf({ code: status, message: text.trim().slice(0, 200), ...said }, what, retryAfterMs);
}

/** Also for the `ERROR` event of a watch, whose object is a Status. */
export function errorOf(status: Status, what: string, retryAfterMs?: number): KubeError {
  const { code = 500, details } = status;
  const wait = retryAfterMs ?? (details?.retryAfterSeconds ? details.retryAfterSeconds * 1_000 : undefined);
  const reason = status.reason || (reasons[code] ?? "Unknown");
  return new KubeError(code, reason, `${what}: ${status.message || reason}`, wait);
}

function statusIn(text: string): Status | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const status = JSON.parse(text) as Status;
    return status.kind === "Status" ? status : undefined;
  } catch {
    return undefined;
  }
}
