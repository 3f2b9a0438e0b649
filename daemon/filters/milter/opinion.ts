/**
 * From a milter's answers to an opinion.
 *
 * Fields that are added, inserted or changed are put in front of the message; what stood there stays. A removal is not
 * done. An answer that would change body, sender or recipients makes the filter fail: it may have relied on that.
 * Discarding is refusing: nobody's mail vanishes without a word.
 */
import { Fields } from "../fields.ts";
import { FilterFailed, type Opinion, replyOf } from "../filter.ts";
import type { Answer } from "./answers.ts";

/** What ends a message, as the answer to a step before its end; `undefined`: it goes on. */
export function verdictOf(answer: Answer): Opinion | undefined {
  switch (answer.kind) {
    case "continue":
    case "skip":
      return undefined;
    case "accept":
      return { kind: "keep", fields: [] };
    case "reject":
    case "discard":
      return { kind: "refuse", reply: replyOf("refuse") };
    case "tempfail":
      return { kind: "defer", reply: replyOf("defer") };
    case "reply": {
      const kind = answer.code >= 500 ? "refuse" : "defer";
      return { kind, reply: replyOf(kind, answer.text, answer.code, answer.enhanced) };
    }
    default:
      throw new FilterFailed("it wanted to change the message before its end");
  }
}

/** Gathers what comes after the end of the message. */
export class Conclusion {
  readonly #fields = new Fields();
  #junk = false;

  /** The opinion, when this answer is the last one. */
  take(answer: Answer): Opinion | undefined {
    switch (answer.kind) {
      case "addField":
        this.#fields.add(answer.name, answer.value);
        return undefined;
      case "changeField":
        if (answer.value !== "") this.#fields.add(answer.name, answer.value);
        return undefined;
      case "quarantine":
        this.#junk = true;
        return undefined;
      case "forbidden":
        throw new FilterFailed(`it wanted to ${answer.what}, which is not done here`);
      case "continue":
      case "accept":
        return { kind: this.#junk ? "junk" : "keep", fields: this.#fields.all };
      default:
        return verdictOf(answer);
    }
  }
}
