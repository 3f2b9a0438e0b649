/**
 * The exchanges of AUTHENTICATE PLAIN and LOGIN.
 *
 * In:     the client's responses, base64.
 * Out:    the next prompt, a login to check, or why not.
 * Spec:   RFC 9051 §6.2.2 (`*` cancels), RFC 4959 (initial response, `=` is an empty one), RFC 4616 (PLAIN); LOGIN as
 *         draft-murchison-sasl-login.
 */
import { isUtf8 } from "node:buffer";
import type { Login } from "./host.ts";

export type Mechanism = "PLAIN" | "LOGIN";

/** Which response comes next. */
export type Exchange =
  | { readonly at: "plain" }
  | { readonly at: "name" }
  | { readonly at: "password"; readonly name: string };

export type Step =
  | { readonly kind: "ask"; readonly prompt: string; readonly exchange: Exchange }
  | { readonly kind: "login"; readonly login: Login }
  | { readonly kind: "cancelled" | "badBase64" | "badCredentials" };

const askName = "VXNlcm5hbWU6"; //     "Username:"
const askPassword = "UGFzc3dvcmQ6"; // "Password:"
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function begin(mechanism: Mechanism, initial: string | undefined): Step {
  const exchange: Exchange = mechanism === "PLAIN" ? { at: "plain" } : { at: "name" };
  if (initial === undefined) return { kind: "ask", prompt: mechanism === "PLAIN" ? "" : askName, exchange };
  return respond(exchange, initial === "=" ? "" : initial);
}

export function respond(exchange: Exchange, response: string): Step {
  if (response === "*") return { kind: "cancelled" };
  if (!base64.test(response)) return { kind: "badBase64" };
  const octets = Buffer.from(response, "base64");
  if (!isUtf8(octets)) return { kind: "badCredentials" };
  const text = octets.toString();
  switch (exchange.at) {
    case "plain":
      return plain(text);
    case "name":
      return text === "" || text.includes("\0")
        ? { kind: "badCredentials" }
        : { kind: "ask", prompt: askPassword, exchange: { at: "password", name: text } };
    case "password":
      return login("", exchange.name, text);
  }
}

/** `[identity] NUL name NUL password`. RFC 4616 §2 */
function plain(text: string): Step {
  const [identity, name, password, ...more] = text.split("\0");
  if (identity === undefined || name === undefined || password === undefined || more.length > 0)
    return { kind: "badCredentials" };
  return login(identity, name, password);
}

function login(identity: string, name: string, password: string): Step {
  if (name === "" || password === "" || password.includes("\0")) return { kind: "badCredentials" };
  return { kind: "login", login: { identity, name, password } };
}
