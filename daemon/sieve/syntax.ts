/**
 * From tokens to commands, their arguments, tests and blocks; what they mean is `compile.ts`'s business.
 *
 * Fails:  `SieveFault` for what is no script; limits on nesting and lists.
 * Spec:   RFC 5228 §2.6 (arguments), §2.9 (commands), §8.2.
 */
import { limits, SieveFault } from "./fault.ts";
import { type Token, tokensOf } from "./tokens.ts";

export type Argument =
  | { readonly kind: "tag"; readonly name: string; readonly line: number }
  | { readonly kind: "number"; readonly value: number; readonly line: number }
  | {
      readonly kind: "strings";
      readonly items: readonly string[];
      readonly single: boolean;
      readonly line: number;
    };

export interface Test {
  readonly name: string;
  readonly line: number;
  readonly args: readonly Argument[];
  readonly tests: readonly Test[];
}

export interface Command extends Test {
  readonly block: readonly Command[] | undefined;
}

export function parse(script: string): readonly Command[] {
  if (Buffer.byteLength(script) > limits.scriptOctets)
    throw new SieveFault(1, `a script has at most ${limits.scriptOctets} octets`);
  return new Parser(tokensOf(script)).script();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  script(): readonly Command[] {
    const commands = this.#commands(0);
    const rest = this.#peek();
    if (rest.kind !== "end") throw new SieveFault(rest.line, "} closes a block that was not opened");
    return commands;
  }

  #peek(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #isMark(text: string): boolean {
    const token = this.#peek();
    return token.kind === "mark" && token.text === text;
  }

  #skip(text: string): boolean {
    const found = this.#isMark(text);
    if (found) this.#at++;
    return found;
  }

  #commands(depth: number): readonly Command[] {
    const commands: Command[] = [];
    for (let token = this.#peek(); token.kind !== "end" && !this.#isMark("}"); token = this.#peek())
      commands.push(this.#command(token, depth));
    return commands;
  }

  #command(token: Token, depth: number): Command {
    if (token.kind !== "word")
      throw new SieveFault(token.line, `a command must stand here, not ${words(token)}`);
    this.#at++;
    const { args, tests } = this.#arguments(0);
    const { text: name, line } = token;
    if (this.#skip(";")) return { name, line, args, tests, block: undefined };
    if (this.#skip("{")) return { name, line, args, tests, block: this.#block(line, depth) };
    const next = this.#peek();
    throw new SieveFault(
      next.line,
      `a semicolon or a block is missing behind ${name}, before ${words(next)}`,
    );
  }

  #block(line: number, depth: number): readonly Command[] {
    if (depth >= limits.nesting) throw new SieveFault(line, `blocks nest at most ${limits.nesting} deep`);
    const commands = this.#commands(depth + 1);
    if (!this.#skip("}")) throw new SieveFault(line, "the block that begins here is not closed with }");
    return commands;
  }

  #arguments(depth: number): { readonly args: readonly Argument[]; readonly tests: readonly Test[] } {
    const args: Argument[] = [];
    for (let next = this.#argument(); next; next = this.#argument()) args.push(next);
    if (this.#peek().kind === "word") return { args, tests: [this.#test(depth)] };
    return { args, tests: this.#skip("(") ? this.#tests(depth) : [] };
  }

  #argument(): Argument | undefined {
    const token = this.#peek();
    const { line } = token;
    if (token.kind === "tag") {
      this.#at++;
      return { kind: "tag", name: token.text, line };
    }
    if (token.kind === "number") {
      this.#at++;
      return { kind: "number", value: token.value, line };
    }
    if (token.kind === "string") {
      this.#at++;
      return { kind: "strings", items: [token.text], single: true, line };
    }
    return this.#skip("[") ? { kind: "strings", items: this.#list(line), single: false, line } : undefined;
  }

  #list(line: number): readonly string[] {
    const items: string[] = [];
    do {
      const token = this.#peek();
      if (token.kind !== "string")
        throw new SieveFault(token.line, `a list holds strings, not ${words(token)}`);
      this.#at++;
      items.push(token.text);
      if (items.length > limits.listItems)
        throw new SieveFault(line, `a list has at most ${limits.listItems} strings`);
    } while (this.#skip(","));
    if (!this.#skip("]")) throw new SieveFault(this.#peek().line, "a list ends with ]");
    return items;
  }

  #tests(depth: number): readonly Test[] {
    const tests: Test[] = [];
    do tests.push(this.#test(depth));
    while (this.#skip(","));
    if (!this.#skip(")")) throw new SieveFault(this.#peek().line, "a list of tests ends with )");
    return tests;
  }

  #test(depth: number): Test {
    const token = this.#peek();
    if (token.kind !== "word")
      throw new SieveFault(token.line, `a test must stand here, not ${words(token)}`);
    if (depth >= limits.nesting)
      throw new SieveFault(token.line, `tests nest at most ${limits.nesting} deep`);
    this.#at++;
    const { args, tests } = this.#arguments(depth + 1);
    return { name: token.text, line: token.line, args, tests };
  }
}

function words(token: Token): string {
  switch (token.kind) {
    case "end":
      return "the end of the script";
    case "number":
      return `the number ${token.value}`;
    case "string":
      return "a string";
    case "tag":
      return `:${token.text}`;
    default:
      return token.text;
  }
}
