/**
 * A command line, parsed.
 *
 * In:     a line without its end.
 * Out:    a `Command`; `bad` for what is none, with the sentence that says why.
 * Spec:   RFC 1939 §3, §5, §6, §7; RFC 2449 §5 (CAPA); RFC 2595 §4 (STLS); RFC 5034 §4 (AUTH); RFC 6856 §2 (UTF8).
 *         The argument of USER and PASS is the whole rest of the line: passwords may hold spaces. RFC 1939 §7
 */
export type Command =
  | { readonly verb: "USER" | "PASS"; readonly text: string }
  | { readonly verb: "STAT" | "NOOP" | "RSET" | "QUIT" | "CAPA" | "STLS" | "UTF8" }
  | { readonly verb: "LIST" | "UIDL"; readonly number: number | undefined }
  | { readonly verb: "RETR" | "DELE"; readonly number: number }
  | { readonly verb: "TOP"; readonly number: number; readonly lines: number }
  | { readonly verb: "AUTH"; readonly mechanism: string; readonly initial: string | undefined }
  | { readonly verb: "bad"; readonly why: string };

const bad = (why: string): Command => ({ verb: "bad", why });
const noArgument = bad("this command takes no argument");
const needsNumber = bad("give the number of a message");
const unknown = bad("there is no such command");

export function parseCommand(line: string): Command {
  const space = line.indexOf(" ");
  const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
  const rest = space === -1 ? "" : line.slice(space + 1);
  switch (verb) {
    case "STAT":
    case "NOOP":
    case "RSET":
    case "QUIT":
    case "CAPA":
    case "STLS":
    case "UTF8":
      return rest.trim() === "" ? { verb } : noArgument;
    case "USER":
    case "PASS":
      return rest === "" ? bad(`${verb} needs an argument`) : { verb, text: rest };
    case "LIST":
    case "UIDL":
      return listing(verb, rest.trim());
    case "RETR":
    case "DELE": {
      const number = whole(rest.trim());
      return number === undefined ? needsNumber : { verb, number };
    }
    case "TOP":
      return top(rest.trim());
    case "AUTH":
      return auth(rest.trim());
    default:
      return unknown;
  }
}

function listing(verb: "LIST" | "UIDL", rest: string): Command {
  if (rest === "") return { verb, number: undefined };
  const number = whole(rest);
  return number === undefined ? needsNumber : { verb, number };
}

function top(rest: string): Command {
  const [first = "", second = "", ...more] = rest.split(/ +/);
  const number = whole(first);
  const lines = whole(second);
  if (number === undefined || lines === undefined || more.length > 0)
    return bad("TOP needs the number of a message and how many lines");
  return { verb: "TOP", number, lines };
}

function auth(rest: string): Command {
  const [mechanism = "", initial, ...more] = rest.split(/ +/);
  if (mechanism === "" || more.length > 0) return bad("AUTH needs a mechanism, and at most one response");
  return { verb: "AUTH", mechanism: mechanism.toUpperCase(), initial };
}

/** What is larger than any mailbox is as good as infinite. */
const whole = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);
