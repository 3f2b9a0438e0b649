/**
 * Checks a test and turns it into what `run.ts` judges by.
 *
 * Spec: RFC 5228 §5; RFC 5173 §4 (body), RFC 5232 §4 (hasflag), RFC 5490 §3.1 (mailboxexists).
 */
import type { Arguments, Requires } from "./arguments.ts";
import { SieveFault } from "./fault.ts";
import type { BodyTransform, Extension, Matcher, Test } from "./script.ts";
import type { Test as Node } from "./syntax.ts";

export interface TestTools {
  readonly requires: Requires;
  argumentsOf(node: Node): Arguments;
  readsBody: boolean;
}

/** Header fields that hold addresses. RFC 5228 §5.1 */
const addressFields: ReadonlySet<string> = new Set(
  (
    "from to cc bcc sender reply-to resent-from resent-to resent-cc resent-bcc resent-sender resent-reply-to " +
    "return-path delivered-to x-original-to envelope-to disposition-notification-to errors-to mail-followup-to " +
    "mail-reply-to return-receipt-to"
  ).split(" "),
);
const fieldName = /^[\x21-\x39\x3b-\x7e]+$/;

const tests: Readonly<Record<string, Extension | undefined>> = {
  true: undefined,
  false: undefined,
  not: undefined,
  allof: undefined,
  anyof: undefined,
  exists: undefined,
  size: undefined,
  header: undefined,
  address: undefined,
  envelope: "envelope",
  body: "body",
  hasflag: "imap4flags",
  mailboxexists: "mailbox",
};

export function compileTest(node: Node, tools: TestTools): Test {
  const { name, line } = node;
  if (!Object.hasOwn(tests, name)) throw new SieveFault(line, `there is no test ${name}`);
  const args = tools.argumentsOf(node);
  const extension = tests[name];
  if (extension) args.needs(extension);
  if (name === "not" || name === "allof" || name === "anyof") return combined(node, name, tools, args);
  if (node.tests.length > 0) throw new SieveFault(line, `${name} takes no test`);
  const test = read(name, args, tools);
  args.end();
  return test;
}

function combined(node: Node, name: "not" | "allof" | "anyof", tools: TestTools, args: Arguments): Test {
  args.end();
  const inner = node.tests.map((test) => compileTest(test, tools));
  if (name !== "not") {
    if (inner.length === 0) throw args.fault("takes tests in parentheses");
    return { kind: name, tests: inner };
  }
  const [test, ...more] = inner;
  if (!test || more.length > 0) throw args.fault("takes exactly one test");
  return { kind: "not", test };
}

function read(name: string, args: Arguments, tools: TestTools): Test {
  switch (name) {
    case "exists":
      return { kind: "exists", names: fields(args) };
    case "size":
      return size(args);
    case "header": {
      const match = args.matching();
      return { kind: "header", names: fields(args), match: withKeys(args, match) };
    }
    case "address": {
      const [match, part] = [args.matching(), args.addressPart()];
      const names = fields(args);
      const other = names.find((field) => !addressFields.has(field));
      if (other !== undefined) throw args.fault(`the field ${other} holds no addresses; use header`);
      return { kind: "address", names, part, match: withKeys(args, match) };
    }
    case "envelope": {
      const [match, part] = [args.matching(), args.addressPart()];
      const names = args.strings("the parts of the envelope").map((text) => text.toLowerCase());
      const other = names.find((text) => text !== "from" && text !== "to");
      if (other !== undefined)
        throw args.fault(`the envelope has "from" and "to", not ${JSON.stringify(other)}`);
      return { kind: "envelope", names, part, match: withKeys(args, match) };
    }
    case "body": {
      tools.readsBody = true;
      const match = args.matching();
      const transform = bodyTransform(args);
      return { kind: "body", transform, match: withKeys(args, match) };
    }
    case "hasflag":
      return { kind: "hasflag", match: withKeys(args, args.matching()) };
    case "mailboxexists":
      return { kind: "mailboxexists", names: args.strings("the folders") };
    default:
      return { kind: name as "true" | "false" };
  }
}

const withKeys = (args: Arguments, match: Omit<Matcher, "keys">): Matcher => ({
  ...match,
  keys: args.strings("what to compare with"),
});

function fields(args: Arguments): readonly string[] {
  const names = args.strings("the names of header fields");
  const other = names.find((field) => !fieldName.test(field));
  if (other !== undefined) throw args.fault(`${JSON.stringify(other)} is no name of a header field`);
  return names.map((field) => field.toLowerCase());
}

function size(args: Arguments): Test {
  const [over, under] = [args.flag("over"), args.flag("under")];
  if (over === under) throw args.fault("takes :over or :under");
  return { kind: "size", over, octets: args.number("the size") };
}

function bodyTransform(args: Arguments): BodyTransform {
  const [raw, text] = [args.flag("raw"), args.flag("text")];
  const types = args.stringsOf("content");
  if (Number(raw) + Number(text) + Number(types !== undefined) > 1)
    throw args.fault("takes only one of :raw, :content and :text");
  if (raw) return { kind: "raw" };
  return types === undefined
    ? { kind: "text" }
    : { kind: "content", types: types.map((type) => type.toLowerCase()) };
}
