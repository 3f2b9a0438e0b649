/**
 * Records of events that fill: of one namespace and one kind, one JSON a line, up to 256 KiB each: a record costs a server that syncs each of them more than its octets.
 */
import { kindOf, type MessageEvent } from "../queue/message-event.ts";
import type { Entry } from "./commit.ts";

const PAGE = 256 << 10;

/** Its events, each as a record of its own. */
export const linesOf = ({ subject, data }: Entry): readonly Entry[] =>
  Buffer.from(data)
    .toString()
    .split("\n")
    .map((line) => ({ subject, data: Buffer.from(line) }));

interface Page {
  lines: string[];
  size: number;
}

/** Events that fill records. */
export class Pages {
  /** By subject; the last page of each is the one that fills. */
  #bySubject = new Map<string, Page[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(event: MessageEvent): void {
    const subject = `events.${event.data.namespace}.${kindOf(event)}`;
    const line = JSON.stringify(event);
    const pages = this.#bySubject.get(subject) ?? [];
    this.#bySubject.set(subject, pages);
    let page = pages.at(-1);
    if (page === undefined || page.size + line.length > PAGE) {
      page = { lines: [], size: 0 };
      pages.push(page);
    }
    page.lines.push(line);
    page.size += line.length + 1;
    this.#size += line.length + 1;
  }

  take(): readonly Entry[] {
    const entries = Array.from(this.#bySubject, ([subject, pages]) =>
      pages.map(({ lines }): Entry => ({ subject, data: Buffer.from(lines.join("\n")) })),
    ).flat();
    this.#bySubject = new Map();
    this.#size = 0;
    return entries;
  }
}
