/**
 * LOGIN and AUTHENTICATE: from stranger to user.
 *
 * Spec:   RFC 9051 §6.2.2 (`*` cancels), §6.2.3, §11.1 (no passwords in the clear), RFC 4959 (initial response, `=` is an
 *         empty one), RFC 5530 (codes).
 */

import { Gone } from "../../kit/output.ts";
import type { Entrance, SaslExchange, SaslStep } from "../../kit/sasl.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import { type Answer, bad, no, ok, Refusal, refuse } from "../answer.ts";
import { capabilities } from "../capabilities.ts";
import type { Command, Commands, Talk } from "../talk.ts";

const plainLogin: Command = {
  when: "stranger",
  async run(talk, { args }) {
    requirePrivacy(talk);
    args.space();
    const name = args.astring();
    args.space();
    const password = args.astring();
    args.end();
    return enter(talk, await talk.host.password(name, password, talk.client, talk.signal));
  },
};

const authenticate: Command = {
  when: "stranger",
  async run(talk, { args }) {
    args.space();
    const mechanism = args.word();
    const initial = args.skip(" ") ? args.rawAstring() : undefined;
    args.end();
    requirePrivacy(talk);
    const exchange = talk.host.exchange(mechanism, talk.client);
    if (exchange === undefined) return no("This mechanism is not offered here", "CANNOT");
    return enter(talk, await converse(talk, exchange, initial));
  },
};

async function converse(
  talk: Talk,
  exchange: SaslExchange<MailboxName>,
  initial: string | undefined,
): Promise<Entrance<MailboxName>> {
  let step = await exchange.respond(initial === undefined ? undefined : decode(initial), talk.signal);
  while (step.kind === "challenge") step = await exchange.respond(await asked(talk, step), talk.signal);
  return step;
}

async function asked(
  talk: Talk,
  { octets }: Extract<SaslStep<MailboxName>, { kind: "challenge" }>,
): Promise<Buffer> {
  talk.out.line(`+ ${octets.toString("base64")}`);
  talk.out.flush();
  const line = await talk.input.line(talk.limits.commandOctetsBeforeLogin);
  if (line.kind === "ended") throw new Gone();
  if (line.kind === "tooLong") throw new Refusal(bad("The response is too long", "CLIENTBUG"));
  if (line.text === "*") throw new Refusal(bad("Cancelled"));
  return decode(line.text);
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function decode(response: string): Buffer {
  if (response === "=") return Buffer.alloc(0);
  if (!base64.test(response)) throw new Refusal(bad("Invalid base64", "CLIENTBUG"));
  return Buffer.from(response, "base64");
}

function requirePrivacy(talk: Talk): void {
  if (!talk.mayLogin) throw refuse("Use TLS before you tell a password", "PRIVACYREQUIRED");
}

async function enter(talk: Talk, entrance: Entrance<MailboxName>): Promise<Answer> {
  if (entrance.kind === "refused") return refused(talk, entrance);
  const { who } = entrance;
  const mailbox = await talk.host.open(who, talk.signal);
  talk.state = { at: "user", account: { user: who, mailbox } };
  talk.leaveWhen(mailbox.lost);
  talk.log.info({ client: talk.client.address, user: who }, "logged in");
  return ok("Logged in", `CAPABILITY ${capabilities(talk)}`);
}

function refused(talk: Talk, { why }: Extract<Entrance<MailboxName>, { kind: "refused" }>): Answer {
  if (why === "unavailable") return no("Logging in is not possible now, please try again", "UNAVAILABLE");
  if (++talk.failedLogins >= talk.limits.failedLogins) talk.logout("Too many failed logins");
  if (why === "malformed") return bad("The response breaks the rules of the mechanism", "CLIENTBUG");
  return why === "disabled"
    ? no("This mailbox is suspended", "AUTHORIZATIONFAILED")
    : no("Wrong name or password", "AUTHENTICATIONFAILED");
}

export const login: Commands = { LOGIN: plainLogin, AUTHENTICATE: authenticate };
