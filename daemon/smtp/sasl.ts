/**
 * The exchanges of AUTH PLAIN and AUTH LOGIN.
 *
 * In:     the client's responses, base64.
 * Out:    the next prompt, a login to check, or a refusal.
 * Spec:   RFC 4954 §4 (`=` is an empty initial response, `*` cancels); RFC 4616 (PLAIN); LOGIN as
 *         draft-murchison-sasl-login. Passwords leave this file only towards the mailroom.
 */
import { isUtf8 } from "node:buffer";
import type { Reply } from "../mail/reply.ts";
import { replies } from "./replies.ts";

export type Mechanism = "PLAIN" | "LOGIN";

export interface Login {
  /** Whom to act for; "" for oneself. RFC 4616 §2 */
  readonly identity: string;
  readonly name: string;
  readonly password: string;
}

/** Which response comes next. */
export type Exchange =
  | { readonly at: "plain" }
  | { readonly at: "name" }
  | { readonly at: "password"; readonly name: string };

export type Step =
  | { readonly kind: "ask"; readonly prompt: string; readonly exchange: Exchange }
  | { readonly kind: "login"; readonly login: Login }
  | { readonly kind: "refused"; readonly reply: Reply };

const askName = "VXNlcm5hbWU6"; //     "Username:"
const askPassword = "UGFzc3dvcmQ6"; // "Password:"
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function begin(mechanism: Mechanism, initial: string | undefined): Step {
  const exchange: Exchange = mechanism === "PLAIN" ? { at: "plain" } : { at: "name" };
  if (initial === undefined) return { kind: "ask", prompt: mechanism === "PLAIN" ? "" : askName, exchange };
  return respond(exchange, initial === "=" ? "" : initial);
}

export function respond(exchange: Exchange, response: string): Step {
  if (response === "*") return { kind: "refused", reply: replies.cancelled };
  const text = decode(response);
  if (text === undefined) return { kind: "refused", reply: replies.badBase64 };
  switch (exchange.at) {
    case "plain":
      return plain(text);
    case "name":
      return text === "" || text.includes("\0")
        ? { kind: "refused", reply: replies.badCredentials }
        : { kind: "ask", prompt: askPassword, exchange: { at: "password", name: text } };
    case "password":
      return login("", exchange.name, text);
  }
}

/** `[identity] NUL name NUL password`. RFC 4616 §2 */
function plain(text: string): Step {
  const [identity, name, password, ...more] = text.split("\0");
  if (identity === undefined || name === undefined || password === undefined || more.length > 0)
    return { kind: "refused", reply: replies.badCredentials };
  return login(identity, name, password);
}

function login(identity: string, name: string, password: string): Step {
  if (name === "" || password === "" || password.includes("\0"))
    return { kind: "refused", reply: replies.badCredentials };
  return { kind: "login", login: { identity, name, password } };
}

function decode(response: string): string | undefined {
  if (!base64.test(response)) return undefined;
  const octets = Buffer.from(response, "base64");
  return isUtf8(octets) ? octets.toString() : undefined;
}
