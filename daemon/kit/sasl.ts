/**
 * One SASL exchange as a protocol engine sees it: octets in, octets out, an end. What the octets mean is the business of
 * `daemon/auth/sasl`; how they travel (base64 in lines) is the engine's.
 *
 * Data that comes with success (the server's signature of SCRAM) is a last challenge that the client answers with an
 * empty response, since SMTP, POP3 and IMAP4rev1 have no other place for it. RFC 4954 §4, RFC 5034 §4, RFC 4422 §3.6
 */
export type SaslRefusal =
  | "wrong"
  /** Right password, but the account may not be used. */
  | "disabled"
  /** It could not be found out; trying again may help. */
  | "unavailable"
  /** The client broke the rules of the mechanism. */
  | "malformed";

/** How a login ends. */
export type Entrance<Who> =
  | { readonly kind: "welcome"; readonly who: Who }
  | { readonly kind: "refused"; readonly why: SaslRefusal };

export type SaslStep<Who> = { readonly kind: "challenge"; readonly octets: Buffer } | Entrance<Who>;

export interface SaslExchange<Who> {
  /**
   * Takes the client's next response. Only the first may be `undefined`: the client sent none along with the command.
   * Rejects only with the reason of `signal`.
   */
  respond(response: Buffer | undefined, signal: AbortSignal): SaslStep<Who> | Promise<SaslStep<Who>>;
}

/** The exchange, its welcome turned into what the engine calls somebody. */
export const mapped = <From, To>(
  exchange: SaslExchange<From>,
  turn: (who: From) => To,
): SaslExchange<To> => ({
  respond(response, signal) {
    const step = exchange.respond(response, signal);
    const turned = (end: SaslStep<From>): SaslStep<To> =>
      end.kind === "welcome" ? { kind: "welcome", who: turn(end.who) } : end;
    return step instanceof Promise ? step.then(turned) : turned(step);
  },
});
