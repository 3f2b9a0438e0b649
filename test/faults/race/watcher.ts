/**
 * A client that idles, and counts what it is told: in the end it must have as many messages as there are.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Imap, Unknown } from "./imap.ts";
import type { RaceCourse } from "./racer.ts";

export class Watcher {
  readonly #course: Pick<RaceCourse, "user" | "password" | "port">;
  readonly #folder: string;
  #entries = 0;
  #count = 0;
  news = 0;

  constructor(course: Pick<RaceCourse, "user" | "password" | "port">, folder: string) {
    this.#course = course;
    this.#folder = folder;
  }

  /** The number of messages that its last connection knew of, when it was told to stop. */
  async run(stop: AbortSignal): Promise<number> {
    for (;;) {
      try {
        return await this.#watch(stop);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        await delay(100);
      }
    }
  }

  async #watch(stop: AbortSignal): Promise<number> {
    const { user, password, port } = this.#course;
    using imap = await Imap.enter(port(this.#entries++), user, password);
    this.#count = 0;
    imap.onNews = (text) => this.#take(text);
    this.#take(await imap.command(`SELECT ${this.#folder}`));
    const idling = await imap.idle();
    while (!stop.aborted && !imap.over) await delay(50);
    this.#take(await idling.done());
    this.#take(await imap.command("NOOP"));
    return this.#count;
  }

  #take(text: string): void {
    for (const [, number, word] of text.matchAll(/^\* (\d+) (EXISTS|EXPUNGE)/gm)) {
      this.news++;
      if (word === "EXISTS") this.#count = Number(number);
      else this.#count--;
    }
  }
}
