/**
 * Shows one message to a milter, step by step, and hears what it thinks.
 *
 * In:     a line; a letter.
 * Out:    an opinion. Where the milter refuses some of several recipients, the message is junk: nobody can be refused any
 *         more when it has come.
 * Fails:  `FilterFailed` when the milter breaks the protocol or wants what is not done here.
 * Spec:   libmilter, version 6: negotiation, connect, helo, mail, rcpt, data, fields, end of header, body, end.
 */
import { FilterFailed, type Letter, type Opinion } from "../filter.ts";
import { opened } from "../letter.ts";
import { frame, octetText, texts } from "./frames.ts";
import type { MilterLine } from "./line.ts";
import { type MacroStep, macros } from "./macros.ts";
import { Conclusion, verdictOf } from "./opinion.ts";
import { chosen, type Options, offer, type Step } from "./options.ts";

/** The most that every milter takes at once. */
const bodyChunk = 65_535;

export async function converse(line: MilterLine, letter: Letter, signal: AbortSignal): Promise<Opinion> {
  await line.send(offer());
  const talk = new Talk(line, letter, chosen(await line.frame()));
  const opinion = (await talk.envelope()) ?? talk.tempered(await talk.message(signal));
  await line.send(frame("Q")).catch(() => {}); // it has said what it had to say
  return opinion;
}

class Talk {
  readonly #line: MilterLine;
  readonly #letter: Letter;
  readonly #options: Options;
  #someRefused = false;

  constructor(line: MilterLine, letter: Letter, options: Options) {
    this.#line = line;
    this.#letter = letter;
    this.#options = options;
  }

  async envelope(): Promise<Opinion | undefined> {
    const { origin, sender } = this.#letter;
    return (
      (await this.#step("connect", connection(origin.client), "C")) ??
      (await this.#step("helo", frame("H", texts(octetText(origin.helo))), "H")) ??
      (await this.#step("mail", frame("M", path(sender.path)), "M")) ??
      (await this.#recipients()) ??
      (await this.#step("data", frame("T")))
    );
  }

  async message(signal: AbortSignal): Promise<Opinion> {
    const { fields, body } = await opened(this.#letter.octets(signal));
    return (
      (await this.#fields(fields)) ??
      (await this.#step("endOfHeader", frame("N"))) ??
      (await this.#body(body)) ??
      (await this.#end())
    );
  }

  /** By what it said of single recipients. */
  tempered(opinion: Opinion): Opinion {
    return opinion.kind === "keep" && this.#someRefused ? { ...opinion, kind: "junk" } : opinion;
  }

  /** Its word on the step, if it has one that ends the matter. */
  async #step(step: Step, packet: Buffer, macroStep?: MacroStep): Promise<Opinion | undefined> {
    if (macroStep) await this.#macros(macroStep);
    if (!this.#options.wants(step)) return undefined;
    await this.#line.send(packet);
    return this.#options.answers(step) ? verdictOf(await this.#line.answer()) : undefined;
  }

  async #macros(step: MacroStep, recipient?: Letter["recipients"][number]): Promise<void> {
    const packet = macros(step, this.#letter, recipient);
    if (packet) await this.#line.send(packet);
  }

  /** Each may be refused for itself. */
  async #recipients(): Promise<Opinion | undefined> {
    const { recipients } = this.#letter;
    let refusal: Opinion | undefined;
    let refused = 0;
    for (const recipient of recipients) {
      await this.#macros("R", recipient);
      const opinion = await this.#step("rcpt", frame("R", path(recipient)));
      if (opinion?.kind === "keep") return opinion;
      if (opinion === undefined) continue;
      refusal ??= opinion;
      refused++;
    }
    this.#someRefused = refused > 0;
    return refused === recipients.length ? refusal : undefined;
  }

  async #fields(fields: readonly string[]): Promise<Opinion | undefined> {
    for (const field of fields) {
      const opinion = await this.#step("fields", fieldPacket(field, this.#options.leadingSpace));
      if (opinion) return opinion;
    }
    return undefined;
  }

  async #body(body: AsyncIterable<Uint8Array>): Promise<Opinion | undefined> {
    if (!this.#options.wants("body")) return undefined;
    for await (const part of body) {
      for (let at = 0; at < part.length; at += bodyChunk) {
        await this.#line.send(frame("B", part.subarray(at, at + bodyChunk)));
        if (!this.#options.answers("body")) continue;
        const answer = await this.#line.answer();
        if (answer.kind === "skip") return undefined;
        const opinion = verdictOf(answer);
        if (opinion) return opinion;
      }
    }
    return undefined;
  }

  async #end(): Promise<Opinion> {
    await this.#macros("E");
    await this.#line.send(frame("E"));
    const conclusion = new Conclusion();
    for (let answers = 0; answers < answersMax; answers++) {
      const opinion = conclusion.take(await this.#line.answer());
      if (opinion) return opinion;
    }
    throw new FilterFailed("it does not come to an end");
  }
}

/** Changes that a milter may ask for; more than any sensible one has. */
const answersMax = 1_000;

const path = (address: string): Buffer => texts(`<${octetText(address)}>`);

function connection(client: string): Buffer {
  const name = texts(`[${client}]`);
  const family = client.includes(":") ? "6" : /^[\d.]+$/.test(client) ? "4" : undefined;
  if (family === undefined) return frame("C", name, "U");
  // The port of the client says nothing, and is not kept.
  return frame("C", name, family, Buffer.alloc(2), texts(client));
}

function fieldPacket(field: string, leadingSpace: boolean): Buffer {
  const colon = field.indexOf(":");
  const value = field
    .slice(colon + 1)
    .replace(/\r\n$/, "")
    .replaceAll("\r\n", "\n");
  return frame("L", texts(field.slice(0, colon).trimEnd(), leadingSpace ? value : value.replace(/^ /, "")));
}
