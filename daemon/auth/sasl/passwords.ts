/**
 * PLAIN and LOGIN: the mechanisms that carry the password itself, for channels that nobody can listen to.
 *
 * In:     the client's responses.
 * Out:    prompts, then what `Logins` says.
 * Fails:  `malformed` for what is no UTF-8 or has the wrong parts.
 * Spec:   RFC 4616 (PLAIN); LOGIN as draft-murchison-sasl-login.
 */
import { isUtf8 } from "node:buffer";
import type { MailboxEntry } from "../../directory/directory.ts";
import type { SaslExchange, SaslStep } from "../../kit/sasl.ts";
import type { Client, Credentials, Logins } from "../login.ts";

type Step = SaslStep<MailboxEntry>;
type Checker = Pick<Logins, "check">;

const malformed: Step = { kind: "refused", why: "malformed" };
const challenge = (text: string): Step => ({ kind: "challenge", octets: Buffer.from(text) });

async function check(
  logins: Checker,
  login: Credentials,
  client: Client,
  signal: AbortSignal,
): Promise<Step> {
  if (login.name === "" || login.password === "") return malformed;
  const result = await logins.check(login, client, signal);
  return result.kind === "welcome"
    ? { kind: "welcome", who: result.mailbox }
    : { kind: "refused", why: result.kind };
}

const textOf = (octets: Buffer): string | undefined => (isUtf8(octets) ? octets.toString() : undefined);

/** `[identity] NUL name NUL password`. RFC 4616 §2 */
export const plain = (logins: Checker, client: Client): SaslExchange<MailboxEntry> => ({
  respond(response, signal) {
    if (response === undefined) return challenge("");
    const [identity = "", name, password, ...more] = textOf(response)?.split("\0") ?? [];
    if (name === undefined || password === undefined || more.length > 0) return malformed;
    return check(logins, { identity, name, password }, client, signal);
  },
});

export function login(logins: Checker, client: Client): SaslExchange<MailboxEntry> {
  let name: string | undefined;
  return {
    respond(response, signal) {
      if (response === undefined) return challenge("Username:");
      const text = textOf(response);
      if (text === undefined || text.includes("\0")) return malformed;
      if (name !== undefined) return check(logins, { identity: "", name, password: text }, client, signal);
      if (text === "") return malformed;
      name = text;
      return challenge("Password:");
    },
  };
}
