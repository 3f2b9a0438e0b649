/**
 * A session that does nothing but search and fetch: it has a folder selected, and what it says is kept.
 */
import { fetching } from "../../../daemon/imap/commands/fetch.ts";
import { searching } from "../../../daemon/imap/commands/search.ts";
import { Selected } from "../../../daemon/imap/folder/selected.ts";
import { defaultLimits } from "../../../daemon/imap/limits.ts";
import type { Talk } from "../../../daemon/imap/talk.ts";
import { Cursor } from "../../../daemon/imap/wire/cursor.ts";
import { systemClock } from "../../../daemon/kit/clock.ts";
import type { FolderView } from "../../../daemon/mailbox/view.ts";

const commands = { ...searching, ...fetching };

export interface Searcher {
  readonly talk: Talk;
  /** What is said to a command and its arguments. */
  run(name: string, line: string): Promise<string>;
}

export function searcherOf(view: FolderView): Searcher {
  const folder = new Selected(view, true, () => {});
  let said: string[] = [];
  const out = {
    full: false,
    text: (more: string) => void said.push(more),
    line: (more: string) => void said.push(more, "\r\n"),
    octets: (more: Uint8Array) => void said.push(Buffer.from(more).toString("latin1")),
  };
  const enabled = { rev2: false, utf8: false, condstore: false, qresync: false };
  const { signal } = new AbortController();
  // All that these commands ask of a session.
  const talk = {
    clock: systemClock,
    signal,
    state: { at: "selected", folder },
    out,
    enabled,
  } as unknown as Talk;
  return {
    talk,
    async run(name, line) {
      said = [];
      const args = new Cursor(` ${line}`, 0, [], defaultLimits);
      await commands[name]?.run(talk, { tag: "a", name, args });
      return said.join("");
    },
  };
}
