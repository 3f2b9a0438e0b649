/**
 * The arguments of one command or test, taken one after the other: tags by name, then what stands behind them.
 *
 * Fails:  `SieveFault` that names the command, what it wants, and the extension that is missing.
 * Spec:   RFC 5228 §2.6 (tagged arguments come before positional ones, in any order), §2.7 (match types, comparators).
 */
import { SieveFault } from "./fault.ts";
import type { AddressPart, Comparator, Extension, Matcher, MatchType, Relation } from "./script.ts";
import type { Argument, Test } from "./syntax.ts";

/** What `require` named so far. */
export type Requires = (extension: Extension) => boolean;

const comparators: readonly string[] = ["i;octet", "i;ascii-casemap", "i;ascii-numeric"];
const relations: readonly string[] = ["gt", "ge", "lt", "le", "eq", "ne"];
const parts: readonly AddressPart[] = ["all", "localpart", "domain", "user", "detail"];

export class Arguments {
  readonly name: string;
  readonly line: number;
  readonly #requires: Requires;
  readonly #args: Argument[];
  readonly #decode: (text: string, line: number) => string;

  constructor(node: Test, requires: Requires, decode: (text: string, line: number) => string) {
    this.name = node.name;
    this.line = node.line;
    this.#requires = requires;
    this.#args = [...node.args];
    this.#decode = decode;
  }

  needs(extension: Extension, what = this.name): void {
    if (!this.#requires(extension))
      throw new SieveFault(
        this.line,
        `${what} needs require ${JSON.stringify(extension)} at the script's beginning`,
      );
  }

  flag(tag: string, extension?: Extension): boolean {
    const at = this.#args.findIndex((arg) => arg.kind === "tag" && arg.name === tag);
    if (at < 0) return false;
    if (extension !== undefined) this.needs(extension, `:${tag}`);
    this.#args.splice(at, 1);
    return true;
  }

  /** The argument that belongs to a tag. */
  #valueOf(tag: string, extension?: Extension): Argument | undefined {
    const at = this.#args.findIndex((arg) => arg.kind === "tag" && arg.name === tag);
    if (at < 0) return undefined;
    if (extension !== undefined) this.needs(extension, `:${tag}`);
    const [, value] = this.#args.splice(at, 2);
    if (value === undefined || value.kind === "tag") throw this.fault(`:${tag} must be followed by a value`);
    return value;
  }

  stringOf(tag: string, extension?: Extension): string | undefined {
    const value = this.#valueOf(tag, extension);
    return value && this.#single(value, `:${tag}`);
  }

  stringsOf(tag: string, extension?: Extension): readonly string[] | undefined {
    const value = this.#valueOf(tag, extension);
    return value && this.#strings(value, `:${tag}`);
  }

  numberOf(tag: string): number | undefined {
    const value = this.#valueOf(tag);
    return value && this.#number(value, `:${tag}`);
  }

  string(what: string): string {
    return this.#single(this.#next(what), what);
  }

  strings(what: string): readonly string[] {
    return this.#strings(this.#next(what), what);
  }

  number(what: string): number {
    return this.#number(this.#next(what), what);
  }

  /** Match type and comparator; the keys come later. */
  matching(): Omit<Matcher, "keys"> {
    const name = this.stringOf("comparator") ?? "i;ascii-casemap";
    if (!comparators.includes(name)) throw this.fault(`there is no comparator ${JSON.stringify(name)} here`);
    const comparator = name as Comparator;
    if (comparator === "i;ascii-numeric") this.needs("comparator-i;ascii-numeric", `:comparator "${name}"`);
    const type = this.#matchType();
    if (comparator === "i;ascii-numeric" && (type.kind === "contains" || type.kind === "matches"))
      throw this.fault(`i;ascii-numeric does not go together with :${type.kind}`);
    return { type, comparator };
  }

  #matchType(): MatchType {
    const found: MatchType[] = [];
    for (const kind of ["is", "contains", "matches"] as const) if (this.flag(kind)) found.push({ kind });
    for (const kind of ["value", "count"] as const) {
      const relation = this.stringOf(kind, "relational")?.toLowerCase();
      if (relation === undefined) continue;
      if (!relations.includes(relation)) throw this.fault(`:${kind} takes one of ${relations.join(", ")}`);
      found.push({ kind, relation: relation as Relation });
    }
    if (found.length > 1) throw this.fault("takes only one of :is, :contains, :matches, :value and :count");
    return found[0] ?? { kind: "is" };
  }

  addressPart(): AddressPart {
    const found = parts.filter((part) =>
      this.flag(part, part === "user" || part === "detail" ? "subaddress" : undefined),
    );
    if (found.length > 1) throw this.fault(`takes only one of ${parts.map((part) => `:${part}`).join(", ")}`);
    return found[0] ?? "all";
  }

  /** Nothing may be left. */
  end(): void {
    const [rest] = this.#args;
    if (rest === undefined) return;
    if (rest.kind === "tag") throw new SieveFault(rest.line, `${this.name} knows no :${rest.name} here`);
    throw new SieveFault(rest.line, `${this.name} has more arguments than it takes`);
  }

  fault(words: string): SieveFault {
    return new SieveFault(this.line, `${this.name}: ${words}`);
  }

  #next(what: string): Argument {
    const at = this.#args.findIndex((arg) => arg.kind !== "tag");
    const [first] = this.#args;
    if (first?.kind === "tag") throw new SieveFault(first.line, `${this.name} knows no :${first.name} here`);
    const [found] = at < 0 ? [] : this.#args.splice(at, 1);
    if (found === undefined) throw this.fault(`${what} is missing`);
    return found;
  }

  #single(value: Argument, what: string): string {
    if (value.kind !== "strings" || !value.single)
      throw new SieveFault(value.line, `${this.name}: ${what} must be one string`);
    return this.#decode(value.items[0] ?? "", value.line);
  }

  #strings(value: Argument, what: string): readonly string[] {
    if (value.kind !== "strings")
      throw new SieveFault(value.line, `${this.name}: ${what} must be a string or a list of strings`);
    return value.items.map((item) => this.#decode(item, value.line));
  }

  #number(value: Argument, what: string): number {
    if (value.kind !== "number") throw new SieveFault(value.line, `${this.name}: ${what} must be a number`);
    return value.value;
  }
}
