/**
 * A folder of very many messages whose digests are there at once: threads of all shapes, one of them as deep as a tenth of
 * the folder, one a tenth of it wide, and many single messages.
 */
import { pack, unpack } from "../../../daemon/mailbox/digest/pack.ts";
import { digestOf } from "../../../daemon/mailbox/digest/scan.ts";
import type { Digest } from "../../../daemon/mailbox/digest.ts";
import type { Uid } from "../../../daemon/mailbox/store.ts";
import type { FolderView, Message } from "../../../daemon/mailbox/view.ts";

const NOTHING = new Uint8Array();
const TENTH = 10;

/** The message that number `n` of `count` answers. */
function parentOf(n: number, count: number): number | undefined {
  const tenth = Math.floor(n / (count / TENTH));
  if (tenth === 0) return n - 1; // a chain
  if (tenth === 1) return -1; // all answer one that is not here
  if (tenth < 6) return n % 7 === 0 ? undefined : n - (n % 7);
  return undefined;
}

function header(n: number, count: number): Buffer {
  const parent = parentOf(n, count);
  const date = new Date(Date.UTC(2026, 0, 1) + ((n * 7_919) % count) * 60_000).toUTCString();
  const fields = [
    `From: Sender ${n % 500} <sender${n % 500}@a.example>`,
    `Subject: ${parent === undefined ? "" : "Re: "}matter ${n % 7 === 3 ? "of many" : n % 20_000}`,
    `Date: ${date.replace("GMT", "+0000")}`,
    `Message-ID: <${n}@a.example>`,
    ...(parent === undefined ? [] : [`References: <${parent}@a.example>`]),
  ];
  return Buffer.from(`${fields.join("\r\n")}\r\n\r\ntext\r\n`);
}

export function folderInMemory(count: number): FolderView {
  const wires = new Map<number, string>();
  const messages: Message[] = [];
  for (let n = 0; n < count; n++) {
    wires.set(n + 1, JSON.stringify(pack(digestOf(header(n, count)))));
    const at = Date.UTC(2026, 0, 1) + n;
    const flags = n % 10 === 0 ? ["\\Flagged"] : [];
    const content = { prefix: "", bodyId: `${n}`, size: 100 };
    messages.push({
      uid: (n + 1) as Uid,
      flags,
      internalDate: at,
      saveDate: at,
      size: 100,
      modseq: n + 2,
      content,
    });
  }
  const digest = ({ uid }: Message): Digest => unpack(JSON.parse(wires.get(uid) ?? ""), NOTHING);
  const view: Pick<FolderView, "messages" | "keywords" | "listen" | "digests"> = {
    messages,
    keywords: () => [],
    listen: () => () => {},
    digests: async (some) => some.map(digest),
  };
  return view as FolderView;
}
