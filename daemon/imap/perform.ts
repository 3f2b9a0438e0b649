/**
 * Runs one command, and makes an answer of whatever comes of it.
 *
 * In:     a request as it was read; a literal that nobody asked for is read past.
 * Out:    the answer, told to who keeps the figures; `quiet`: with it no EXPUNGE may be told.
 * Fails:  with what ends the session; anything else that a command throws is an answer, too (`failure.ts`).
 * Spec:   RFC 9051 §3 (states), §7.1 (OK, NO, BAD).
 */
import type { Spoken } from "../kit/spoken.ts";
import { type Answer, bad } from "./answer.ts";
import type { Request } from "./command/reader.ts";
import { commands } from "./commands/all.ts";
import { answerTo } from "./failure.ts";
import { type Command, isAllowed, type Talk } from "./talk.ts";

export interface Performed {
  readonly tag: string;
  readonly answer: Answer;
  readonly quiet: boolean;
}

const spokenAs = { OK: "done", NO: "refused", BAD: "wrong" } as const;
const nameShown = 40;

export async function perform(talk: Talk, request: Request, spoke: Spoken | undefined): Promise<Performed> {
  const { tag, name } = request;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const began = talk.clock.monotonic();
  const answer = await answerOf(talk, command, request);
  spoke?.(command ? name : "unknown", spokenAs[answer.status], talk.clock.monotonic() - began);
  return { tag, answer, quiet: command?.quiet ?? false };
}

async function answerOf(talk: Talk, command: Command | undefined, request: Request): Promise<Answer> {
  try {
    if (command !== undefined && isAllowed(command, talk.state)) return await command.run(talk, request);
    if (request.literal) await talk.swallow(request.literal);
    return command === undefined
      ? bad(`Unknown command ${request.name.slice(0, nameShown)}`, "CLIENTBUG")
      : bad(`${request.name} is not allowed now`, "CLIENTBUG");
  } catch (error) {
    return answerTo(error, request.name, talk);
  }
}
