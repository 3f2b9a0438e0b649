/**
 * Endings of a command: the tagged response that says how it went.
 *
 * Spec:   RFC 9051 §7.1 (OK, NO, BAD and their codes), RFC 5530 (codes for NO).
 */
export interface Answer {
  readonly status: "OK" | "NO" | "BAD";
  /** Without brackets, as in `TRYCREATE`. */
  readonly code?: string;
  readonly text: string;
}

export const ok = (text: string, code?: string): Answer => answer("OK", text, code);
export const no = (text: string, code?: string): Answer => answer("NO", text, code);
export const bad = (text: string, code?: string): Answer => answer("BAD", text, code);

const answer = (status: Answer["status"], text: string, code: string | undefined): Answer =>
  code === undefined ? { status, text } : { status, code, text };

/** What comes after a tag or `*`, without CRLF. */
export const answerText = ({ status, code, text }: Answer): string =>
  code === undefined ? `${status} ${text}` : `${status} [${code}] ${text}`;

/** Ends a command early, from however deep. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.text);
    this.answer = answer;
  }
}

/** The client broke the grammar. */
export const syntax = (text: string): Refusal => new Refusal(bad(text, "CLIENTBUG"));
export const refuse = (text: string, code?: string): Refusal => new Refusal(no(text, code));
