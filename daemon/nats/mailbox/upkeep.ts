/**
 * Verifying and repairing one mailbox on JetStream.
 *
 * Fails: `StoreFault`; `Conflict` when somebody wrote to the mailbox meanwhile: nothing was torn, begin again.
 */
import type { Clock } from "../../kit/clock.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Finding } from "../../mailbox/upkeep.ts";
import type { Entry, GroupCommit } from "../commit.ts";
import { subjectsUnder } from "../holdings.ts";
import { type Chunks, Digester } from "./chunks.ts";
import { type InventoryParts, takeInventory } from "./inventory.ts";
import type { Reader } from "./reader.ts";
import { decodeHead, encodeHead, encodeLedger, type MessageRecord } from "./records.ts";
import { mend } from "./repair.ts";
import { bodyChunks, headSubject, ledgerSubject, mailStream } from "./subjects.ts";
import { type BodyState, type Checked, findings } from "./verify.ts";

export interface UpkeepParts extends InventoryParts {
  readonly reader: Reader;
  readonly commit: GroupCommit;
  readonly chunks: Chunks;
  readonly clock: Clock;
}

/** Entries of one batch; the ledger goes with the last. */
const BATCH = 300;

export async function verifyMailbox(
  parts: UpkeepParts,
  mailbox: MailboxName,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  return findings(await check(parts, mailbox, signal));
}

async function check(parts: UpkeepParts, mailbox: MailboxName, signal: AbortSignal): Promise<Checked> {
  const inventory = await takeInventory(parts, mailbox, signal);
  const bodies = new Map<string, BodyState>();
  const wanted = [
    ...new Set(inventory.records.flatMap(({ record }) => (record.chunks > 0 ? [record.bodyId] : []))),
  ];
  const worker = async () => {
    for (let id = wanted.pop(); id !== undefined; id = wanted.pop()) {
      signal.throwIfAborted();
      bodies.set(id, await bodyState(parts, id, inventory.sequence));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return { inventory, bodies };
}

/** `since`: whoever answers must know the mailbox as it was looked at; who lags behind would tell a loss that is none. */
async function bodyState(
  { link, shard, reader }: UpkeepParts,
  bodyId: string,
  since: number,
): Promise<BodyState> {
  const under = { stream: mailStream(shard), filter: bodyChunks(shard, bodyId), since };
  const chunks = (await subjectsUnder(link, under)).subjects.length;
  const head = await reader.last(headSubject(shard, bodyId));
  if (!head || head.data.length === 0) return { chunks, head: "missing" };
  return { chunks, head: decodeHead(head.data).doomed ? "doomed" : "whole" };
}

export async function repairMailbox(
  parts: UpkeepParts,
  mailbox: MailboxName,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const checked = await check(parts, mailbox, signal);
  const mended = findings(checked).filter(({ mendable }) => mendable);
  if (mended.length === 0) return [];
  const { shard, commit, clock } = parts;
  const { inventory } = checked;
  await repairHeads(parts, checked, signal);
  const { entries, ledger } = mend({ shard, mailbox, now: clock.now() }, inventory);
  const subject = ledgerSubject(shard, mailbox);
  const data = encodeLedger(ledger);
  // Each batch is compared with the ledger, so that nothing is mended that somebody has changed meanwhile.
  let expect = inventory.sequence;
  const before = encodeLedger(inventory.ledger);
  for (let at = 0; at <= entries.length; at += BATCH) {
    const last = at + BATCH >= entries.length;
    const batch: Entry[] = entries.slice(at, at + BATCH);
    batch.push({ subject, data: last ? data : before, expect });
    expect = (await commit.commit(batch)) + batch.length - 1;
    if (last) break;
  }
  return mended;
}

async function repairHeads(
  parts: UpkeepParts,
  { inventory, bodies }: Checked,
  signal: AbortSignal,
): Promise<void> {
  const done = new Set<string>();
  for (const { record } of inventory.records) {
    const state = bodies.get(record.bodyId);
    if (!state || state.head === "whole" || state.chunks < record.chunks || done.has(record.bodyId)) continue;
    done.add(record.bodyId);
    await repairHead(parts, record, signal);
  }
}

async function repairHead(parts: UpkeepParts, record: MessageRecord, signal: AbortSignal): Promise<void> {
  const { shard, commit, chunks } = parts;
  const size = record.size - Buffer.byteLength(record.prefix);
  const digester = new Digester();
  for await (const piece of chunks.read(record.bodyId, size, { offset: 0, size }, signal))
    digester.push(piece);
  const head = encodeHead({ size, chunks: record.chunks, ...digester.end(), doomed: false });
  await commit.commit([{ subject: headSubject(shard, record.bodyId), data: head }]);
}
