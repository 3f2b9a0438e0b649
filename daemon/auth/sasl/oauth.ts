/**
 * OAUTHBEARER and XOAUTH2: the client shows an access token that the domain's issuer has signed.
 *
 * In:     the client's first message, with the token and, usually, the user's address.
 * Out:    a welcome; for a token that is refused, a challenge with the reason as JSON, and a refusal once the client has
 *         taken it: that is how clients learn that they must fetch another token.
 * Fails:  `malformed` for a message that breaks the grammar; `unavailable` while the issuer's keys cannot be had.
 * Spec:   RFC 7628 §3 (OAUTHBEARER; §3.2.3: the client ends the exchange with a single %x01), RFC 6750 §2.1; XOAUTH2 as
 *         Google publishes it (the client ends with an empty response).
 */
import type { MailboxEntry } from "../../directory/directory.ts";
import type { SaslExchange, SaslRefusal, SaslStep } from "../../kit/sasl.ts";
import type { Client, Logins, Proof } from "../login.ts";
import type { Judgement, Tokens } from "../oidc/tokens.ts";

export interface OauthParts {
  readonly logins: Pick<Logins, "proven">;
  readonly tokens: Pick<Tokens, "judge" | "hint">;
  readonly client: Client;
}

type Step = SaslStep<MailboxEntry>;
const malformed: Step = { kind: "refused", why: "malformed" };

interface Shown {
  /** "" where the client names nobody: the token tells. */
  readonly user: string;
  readonly token: string;
}

/** RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1. */
const bearer = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i;
const separator = "\u0001";

/** gs2-header, then key=value pairs, each ended by %x01, and one more %x01. RFC 7628 §3.1 */
function readBearer(text: string): Shown | undefined {
  const [header = "", ...rest] = text.split(separator);
  const match = /^[ny],(?:a=([^,]*))?,$/.exec(header);
  if (!match) return undefined;
  const user = match[1] ?? "";
  return shown(user.replaceAll("=2C", ",").replaceAll("=3D", "="), rest);
}

function readXoauth(text: string): Shown | undefined {
  const [first = "", ...rest] = text.split(separator);
  return first.startsWith("user=") ? shown(first.slice(5), rest) : undefined;
}

/** `rest` ends with two empty pieces: that is what two separators leave behind. */
function shown(user: string, rest: readonly string[]): Shown | undefined {
  const pairs = rest.slice(0, -2);
  const whole = rest.slice(-2).join() === "," && pairs.every((pair) => /^[A-Za-z]+=/.test(pair));
  if (!whole) return undefined;
  const [auth, ...more] = pairs.filter((pair) => /^auth=/i.test(pair));
  const token = auth === undefined ? undefined : bearer.exec(auth.slice(5))?.[1];
  return token === undefined || more.length > 0 ? undefined : { user, token };
}

class TokenExchange implements SaslExchange<MailboxEntry> {
  readonly #parts: OauthParts;
  readonly #read: (text: string) => Shown | undefined;
  readonly #status: (judgement: Judgement) => object;
  #refusal: SaslRefusal | undefined;
  #over = false;

  constructor(
    parts: OauthParts,
    read: (text: string) => Shown | undefined,
    status: (judgement: Judgement) => object,
  ) {
    this.#parts = parts;
    this.#read = read;
    this.#status = status;
  }

  respond(response: Buffer | undefined, signal: AbortSignal): Step | Promise<Step> {
    if (this.#refusal) return { kind: "refused", why: this.#refusal };
    if (response === undefined) return { kind: "challenge", octets: Buffer.alloc(0) };
    if (this.#over) return malformed;
    this.#over = true;
    const shown = this.#read(response.toString());
    return shown ? this.#judge(shown, signal) : malformed;
  }

  async #judge({ user, token }: Shown, signal: AbortSignal): Promise<Step> {
    const { tokens, logins, client } = this.#parts;
    const name = user === "" ? tokens.hint(token) : user;
    const judgement = await tokens.judge(name, token, signal);
    if (judgement.kind === "unavailable") return { kind: "refused", why: "unavailable" };
    const proves = (mailbox: MailboxEntry | undefined): Proof | undefined =>
      judgement.kind === "valid" && mailbox?.mailbox === judgement.mailbox ? { by: "token" } : undefined;
    const result = await logins.proven({ identity: "", name }, client, proves, signal);
    if (result.kind === "welcome") return { kind: "welcome", who: result.mailbox };
    if (result.kind !== "wrong") return { kind: "refused", why: result.kind };
    this.#refusal = "wrong";
    return { kind: "challenge", octets: Buffer.from(JSON.stringify(this.#status(judgement))) };
  }
}

/** RFC 7628 §3.2.2 */
export const oauthBearer = (parts: OauthParts): SaslExchange<MailboxEntry> =>
  new TokenExchange(parts, readBearer, ({ discovery, scope }) => ({
    status: "invalid_token",
    ...(scope === undefined ? {} : { scope }),
    ...(discovery === undefined ? {} : { "openid-configuration": discovery }),
  }));

export const xoauth2 = (parts: OauthParts): SaslExchange<MailboxEntry> =>
  new TokenExchange(parts, readXoauth, ({ scope = "" }) => ({ status: "401", schemes: "bearer", scope }));
