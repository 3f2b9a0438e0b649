/**
 * Logging in at a server: AUTH PLAIN, else AUTH LOGIN.
 *
 * In:     credentials and the mechanisms that the server offers.
 * Out:    the server's verdict. Nothing of the dialogue reaches the log.
 * Spec:   RFC 4954 §4, RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN).
 */
import type { Reply } from "../../mail/reply.ts";
import type { Wire } from "./wire.ts";

export interface Login {
  readonly username: string;
  readonly password: string;
  /** Allow the password on an unencrypted connection to a loopback address; nowhere else is that possible. */
  readonly plainTextOnLoopback?: boolean;
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** A command, and what to answer when the server asks for more (334). */
export interface Dialogue {
  readonly command: string;
  readonly answers: readonly string[];
}

/** `undefined` when the server offers nothing that we speak. */
export function dialogueFor(login: Login, mechanisms: readonly string[]): Dialogue | undefined {
  const { username, password } = login;
  if (mechanisms.includes("PLAIN")) {
    return { command: `AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, answers: [] };
  }
  if (!mechanisms.includes("LOGIN")) return undefined;
  return { command: "AUTH LOGIN", answers: [base64(username), base64(password)] };
}

/** The last reply is the verdict: 235, or a refusal. */
export async function authenticate(wire: Wire, dialogue: Dialogue, limit: number): Promise<Reply> {
  const say = (line: string): Promise<Reply> => {
    wire.command(`${line}\r\n`, 1, "(authentication)");
    return wire.next(limit);
  };
  let heard = await say(dialogue.command);
  for (const answer of dialogue.answers) {
    if (heard.code !== 334) return heard;
    heard = await say(answer);
  }
  // The server wants more than the mechanism has: cancel. RFC 4954 §4
  return heard.code === 334 ? say("*") : heard;
}
