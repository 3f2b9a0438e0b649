/**
 * Checks a script and turns it into what `run.ts` carries out.
 *
 * In:     text.
 * Out:    a `Script`.
 * Fails:  `SieveFault`, with the line: unknown commands and tests, wrong arguments, extensions that were not required.
 * Spec:   RFC 5228 §3 (control commands), §4, §5; RFC 3894 (copy), 5173 (body), 5230 (vacation), 5231 (relational), 5232
 *         (imap4flags), 5233 (subaddress), 5429 (reject, ereject), 5490 (mailbox).
 */
import { createHash } from "node:crypto";
import { parseAddress } from "../mail/address.ts";
import { Arguments } from "./arguments.ts";
import { compileTest, type TestTools } from "./compile-test.ts";
import { decodeEncoded } from "./encoded.ts";
import { SieveFault } from "./fault.ts";
import { type Branch, type Command, type Extension, extensions, type Script } from "./script.ts";
import { type Command as Node, parse, type Test as TestNode } from "./syntax.ts";

export function compile(text: string): Script {
  return new Compiler().script(parse(text));
}

const actions: Readonly<Record<string, Extension | undefined>> = {
  keep: undefined,
  discard: undefined,
  stop: undefined,
  redirect: undefined,
  fileinto: "fileinto",
  reject: "reject",
  ereject: "ereject",
  vacation: "vacation",
  setflag: "imap4flags",
  addflag: "imap4flags",
  removeflag: "imap4flags",
};

class Compiler implements TestTools {
  readonly #required = new Set<string>();
  readsBody = false;

  script(nodes: readonly Node[]): Script {
    let at = 0;
    for (; nodes[at]?.name === "require"; at++) this.#require(nodes[at] as Node);
    return { commands: this.#block(nodes.slice(at)), readsBody: this.readsBody };
  }

  readonly requires = (extension: Extension): boolean => this.#required.has(extension);

  argumentsOf(node: TestNode): Arguments {
    return new Arguments(node, this.requires, (text, line) =>
      this.requires("encoded-character") ? decodeEncoded(text, line) : text,
    );
  }

  #require(node: Node): void {
    const args = this.argumentsOf(node);
    const names = args.strings("the extensions");
    args.end();
    this.#plain(node);
    for (const name of names) {
      if (!extensions.some((known) => known === name))
        throw new SieveFault(node.line, `there is no extension ${JSON.stringify(name)} here`);
      this.#required.add(name);
    }
  }

  /** A command without tests and block. */
  #plain(node: Node): void {
    if (node.tests.length > 0) throw new SieveFault(node.line, `${node.name} takes no test`);
    if (node.block) throw new SieveFault(node.line, `${node.name} takes no block`);
  }

  #block(nodes: readonly Node[]): readonly Command[] {
    const commands: Command[] = [];
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as Node;
      if (node.name !== "if") {
        commands.push(this.#action(node));
        continue;
      }
      const branches = [this.#branch(node)];
      while (nodes[at + 1]?.name === "elsif") branches.push(this.#branch(nodes[++at] as Node));
      const otherwise = nodes[at + 1]?.name === "else" ? this.#else(nodes[++at] as Node) : [];
      commands.push({ kind: "if", branches, otherwise });
    }
    return commands;
  }

  #branch(node: Node): Branch {
    const [test, ...more] = node.tests;
    if (!test || more.length > 0 || node.args.length > 0)
      throw new SieveFault(node.line, `${node.name} takes exactly one test; put several into allof or anyof`);
    if (!node.block) throw new SieveFault(node.line, `${node.name} needs a block`);
    return { test: compileTest(test, this), block: this.#block(node.block) };
  }

  #else(node: Node): readonly Command[] {
    if (node.tests.length > 0 || node.args.length > 0) throw new SieveFault(node.line, "else takes no test");
    if (!node.block) throw new SieveFault(node.line, "else needs a block");
    return this.#block(node.block);
  }

  #action(node: Node): Command {
    const { name, line } = node;
    if (name === "require") throw new SieveFault(line, "require stands only at the script's beginning");
    if (name === "elsif" || name === "else")
      throw new SieveFault(line, `${name} stands only behind if or elsif`);
    if (!Object.hasOwn(actions, name)) throw new SieveFault(line, `there is no command ${name}`);
    const args = this.argumentsOf(node);
    const extension = actions[name];
    if (extension) args.needs(extension);
    this.#plain(node);
    const command = this.#read(name, args);
    args.end();
    return command;
  }

  #read(name: string, args: Arguments): Command {
    switch (name) {
      case "keep":
        return { kind: "keep", flags: args.stringsOf("flags", "imap4flags") };
      case "fileinto":
        return this.#fileInto(args);
      case "redirect":
        return this.#redirect(args);
      case "reject":
      case "ereject":
        return { kind: "reject", reason: args.string("the reason") };
      case "vacation":
        return vacation(args);
      case "setflag":
        return { kind: "flags", how: "set", flags: args.strings("the flags") };
      case "addflag":
        return { kind: "flags", how: "add", flags: args.strings("the flags") };
      case "removeflag":
        return { kind: "flags", how: "remove", flags: args.strings("the flags") };
      default:
        return { kind: name as "stop" | "discard" };
    }
  }

  #fileInto(args: Arguments): Command {
    const copy = args.flag("copy", "copy");
    const create = args.flag("create", "mailbox");
    const flags = args.stringsOf("flags", "imap4flags");
    return { kind: "fileinto", folder: args.string("the folder"), copy, create, flags };
  }

  #redirect(args: Arguments): Command {
    const copy = args.flag("copy", "copy");
    const address = parseAddress(args.string("the address"));
    if (address === undefined) throw args.fault("that is no address that mail can be sent to");
    return { kind: "redirect", address, copy };
  }
}

/** RFC 5230 §4.1: at least a day; we remember for as long as a month. */
const mostDays = 31;

function vacation(args: Arguments): Command {
  const days = args.numberOf("days") ?? 7;
  const subject = args.stringOf("subject");
  const from = args.stringOf("from");
  const addresses = args.stringsOf("addresses") ?? [];
  const mime = args.flag("mime");
  const handle = args.stringOf("handle");
  const reason = args.string("the reason");
  if (from !== undefined && parseAddress(/<([^<>]*)>\s*$/.exec(from)?.[1] ?? from.trim()) === undefined)
    throw args.fault(":from must be an address");
  const what = JSON.stringify([subject, from, mime, reason]);
  return {
    kind: "vacation",
    vacation: {
      days: Math.min(mostDays, Math.max(1, days)),
      subject,
      from,
      addresses,
      mime,
      handle: handle ?? createHash("sha256").update(what).digest("base64url").slice(0, 16),
      reason,
    },
  };
}
