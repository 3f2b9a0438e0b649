/**
 * Finds what in a mailbox does not agree, and says it in a sentence.
 *
 * In:     the inventory of a mailbox, and which bodies are whole.
 * Out:    findings; each tells whether `repair` can mend it.
 */
import { type FolderLedger, figures } from "../../mailbox/ledger.ts";
import type { Finding } from "../../mailbox/upkeep.ts";
import type { FoundMark, FoundRecord, Inventory } from "./inventory.ts";

export interface Checked {
  readonly inventory: Inventory;
  /** Of each body that records name: what of it is missing. */
  readonly bodies: ReadonlyMap<string, BodyState>;
}

export interface BodyState {
  /** Octets that are there. */
  readonly chunks: number;
  readonly head: "whole" | "missing" | "doomed";
}

export function findings({ inventory, bodies }: Checked): Finding[] {
  return [
    ...inventory.ledger.folders.flatMap((folder) => folderFindings(folder, inventory.records)),
    ...totals(inventory),
    ...strays(inventory),
    ...markFindings(inventory),
    ...inventory.records.flatMap((found) => bodyFindings(found, bodies.get(found.record.bodyId))),
  ];
}

const mendable = (where: string, problem: string): Finding => ({ where, problem, mendable: true });

function folderFindings(folder: FolderLedger, all: readonly FoundRecord[]): Finding[] {
  const mine = all.filter((found) => found.folder === folder.id);
  const sums = figures(mine.map(({ record }) => record));
  const found: Finding[] = [];
  for (const what of ["messages", "bytes", "unseen", "deleted"] as const)
    if (folder[what] !== sums[what])
      found.push(mendable(folder.name, `the ledger says ${folder[what]} ${what}, the records ${sums[what]}`));
  const last = Math.max(0, ...mine.map(({ uid }) => uid));
  if (folder.uidNext <= last)
    found.push(mendable(folder.name, `UID ${last} is used, and UIDNEXT is ${folder.uidNext}`));
  const modseq = Math.max(0, ...mine.map(({ record }) => record.modseq));
  if (folder.modseq < modseq)
    found.push(
      mendable(folder.name, `a message has mod-sequence ${modseq}, the folder only ${folder.modseq}`),
    );
  return found;
}

function totals({ ledger }: Inventory): Finding[] {
  const found: Finding[] = [];
  for (const what of ["messages", "bytes"] as const) {
    const sum = ledger.folders.reduce((n, folder) => n + folder[what], 0);
    if (sum !== ledger[what])
      found.push(mendable("the mailbox", `the ledger says ${ledger[what]} ${what}, its folders ${sum}`));
  }
  const highest = Math.max(0, ...ledger.folders.map(({ uidValidity }) => uidValidity));
  if (highest > ledger.uidFloor)
    found.push(
      mendable("the mailbox", `UIDVALIDITY ${highest} is used, and new ones follow ${ledger.uidFloor}`),
    );
  return found;
}

/** Messages in a folder that is not there. */
function strays({ ledger, records }: Inventory): Finding[] {
  const known = new Set(ledger.folders.map(({ id }) => id));
  return records
    .filter(({ folder }) => !known.has(folder))
    .map(({ folder, uid }) =>
      mendable(`folder ${folder}, UID ${uid}`, "a message lies in a folder that does not exist"),
    );
}

export const markOf = ({ record }: FoundRecord): string => `${record.bodyId} ${record.deliveryId}`;
export const nameOf = ({ bodyId, deliveryId }: FoundMark): string => `${bodyId} ${deliveryId}`;

function markFindings({ records, marks }: Inventory): Finding[] {
  const wanted = new Map(records.map((found) => [markOf(found), found]));
  const found: Finding[] = [];
  for (const mark of marks) {
    const record = wanted.get(nameOf(mark));
    wanted.delete(nameOf(mark));
    if (!record)
      found.push(mendable(`body ${mark.bodyId}`, "a mark keeps it, and there is no message to it"));
    else if (mark.place?.folder !== record.folder || mark.place.uid !== record.uid)
      found.push(mendable(`folder ${record.folder}, UID ${record.uid}`, "its mark names another place"));
  }
  for (const { folder, uid } of wanted.values())
    found.push(mendable(`folder ${folder}, UID ${uid}`, "no mark protects its body from being collected"));
  return found;
}

function bodyFindings({ folder, uid, record }: FoundRecord, body: BodyState | undefined): Finding[] {
  if (record.chunks === 0) return [];
  const where = `folder ${folder}, UID ${uid}`;
  if (!body || body.chunks < record.chunks) {
    const there = body?.chunks ?? 0;
    const problem = `${record.chunks - there} of ${record.chunks} chunks of its body are lost`;
    return [{ where, problem, mendable: false }];
  }
  if (body.head === "whole") return [];
  return [
    mendable(where, body.head === "missing" ? "its body has no digest" : "its body is marked as doomed"),
  ];
}
