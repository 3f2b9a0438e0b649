/**
 * LOGIN and AUTHENTICATE: from stranger to user.
 *
 * Spec:   RFC 9051 §6.2.2, §6.2.3, §11.1 (no passwords in the clear), RFC 4959 (SASL-IR), RFC 5530 (codes).
 */
import { type Answer, bad, no, ok, refuse } from "../answer.ts";
import { capabilities } from "../capabilities.ts";
import type { Login } from "../host.ts";
import { begin, type Mechanism, respond, type Step } from "../sasl.ts";
import type { Command, Commands, Talk } from "../talk.ts";
import { Gone } from "../wire/input.ts";

const plainLogin: Command = {
  when: "stranger",
  run(talk, { args }) {
    requirePrivacy(talk);
    args.space();
    const name = args.astring();
    args.space();
    const password = args.astring();
    args.end();
    return enter(talk, { identity: "", name, password });
  },
};

const authenticate: Command = {
  when: "stranger",
  async run(talk, { args }) {
    args.space();
    const mechanism = args.word();
    const initial = args.skip(" ") ? args.rawAstring() : undefined;
    args.end();
    if (mechanism !== "PLAIN" && mechanism !== "LOGIN") return no("Unknown mechanism", "CANNOT");
    requirePrivacy(talk);
    const step = await exchange(talk, mechanism, initial);
    switch (step.kind) {
      case "login":
        return enter(talk, step.login);
      case "cancelled":
        return bad("Cancelled");
      case "badBase64":
        return bad("Invalid base64", "CLIENTBUG");
      default:
        return failed(talk);
    }
  },
};

async function exchange(talk: Talk, mechanism: Mechanism, initial: string | undefined): Promise<Step> {
  let step = begin(mechanism, initial);
  while (step.kind === "ask") {
    talk.out.line(`+ ${step.prompt}`);
    talk.out.flush();
    const line = await talk.input.line(talk.limits.commandOctetsBeforeLogin);
    if (line.kind === "ended") throw new Gone();
    if (line.kind === "tooLong") return { kind: "badBase64" };
    step = respond(step.exchange, line.text);
  }
  return step;
}

function requirePrivacy(talk: Talk): void {
  if (!talk.mayLogin) throw refuse("Use TLS before you tell a password", "PRIVACYREQUIRED");
}

async function enter(talk: Talk, login: Login): Promise<Answer> {
  const entrance = await talk.host.login(login, talk.caller, talk.signal);
  switch (entrance.kind) {
    case "welcome":
      talk.state = { at: "user", account: entrance.account };
      talk.log.info({ client: talk.caller.address, user: entrance.account.user }, "logged in");
      return ok("Logged in", `CAPABILITY ${capabilities(talk)}`);
    case "wrong":
      return failed(talk);
    case "disabled":
      return no("This mailbox is suspended", "AUTHORIZATIONFAILED");
    case "unavailable":
      return no("Logging in is not possible now, please try again", "UNAVAILABLE");
  }
}

function failed(talk: Talk): Answer {
  if (++talk.failedLogins >= talk.limits.failedLogins) talk.logout("Too many failed logins");
  return no("Wrong name or password", "AUTHENTICATIONFAILED");
}

export const login: Commands = { LOGIN: plainLogin, AUTHENTICATE: authenticate };
