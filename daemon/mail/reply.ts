/**
 * An SMTP reply: ours, or a remote server's as it was received.
 *
 * Spec: RFC 5321 §4.2, RFC 3463 (enhanced status codes).
 */
export interface Reply {
  /** Three digits, 200–599. */
  readonly code: number;
  /** `class.subject.detail`; for a remote reply without one, derived from the code (`5.0.0`). */
  readonly enhanced: string;
  /** Text without codes; lines are joined by `\n`. May hold non-ASCII octets as UTF-8. */
  readonly text: string;
}

export const reply = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });

/** 2yz. */
export const isPositive = (r: Reply): boolean => r.code >= 200 && r.code < 300;
