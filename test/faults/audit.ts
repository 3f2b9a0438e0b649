/**
 * The end of every scenario: wait until the queue is empty, look everywhere, hold the books against each other, and say
 * what came of it. Whatever should not be is an `AssertionError` that names it.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Ledger, Outage } from "./ledger.ts";
import { command, mailIn, type Reach } from "./mail-found.ts";
import { mailboxes, senderMailbox } from "./mix.ts";
import { type Account, type Books, type Duplicate, reconcile } from "./reconcile.ts";

/** Waits until the queue is empty; fails with the jobs that stay. */
export async function emptied(reach: Reach, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  for (;;) {
    const jobs = (await command(reach, "queue", "list").catch(said)).trim();
    if (jobs === "") return;
    const lines = jobs.split("\n");
    assert.ok(
      performance.now() < until,
      `${lines.length} jobs stay in the queue:\n${lines.slice(0, 5).join("\n")}`,
    );
    await delay(1_000);
  }
}

/** When a message was first accepted that was begun after `from`; fails when that takes longer than `limitMs`. */
export async function acceptedAfter({ sent }: Ledger, from: number, limitMs = 60_000): Promise<number> {
  for (;;) {
    for (const { told, at, begun } of sent.values())
      if (told?.kind === "accepted" && at !== undefined && begun > from) return at;
    assert.ok(performance.now() - from < limitMs, `nothing was accepted within ${limitMs} ms`);
    await delay(100);
  }
}

/** A command that cannot reach the installation yet is asked again. */
const said = (error: { readonly stderr?: string; readonly message: string }) => error.stderr || error.message;

/** Reads every mailbox and reconciles. */
export async function account(
  ledger: Ledger,
  reach: Reach,
  scratch: string,
  progress: (line: string) => void,
  settlingMs?: number,
): Promise<Account> {
  if (ledger.count("refused") > 0) progress(`clients heard ${refusals(ledger)}`);
  return reconcile(await booksOf(ledger, reach, scratch), settlingMs);
}

/** The ledger, and what lies in the mailboxes. */
export async function booksOf(ledger: Ledger, reach: Reach, scratch: string): Promise<Books> {
  const filed = new Map<string, readonly string[]>();
  const damaged = [...ledger.damaged];
  for (const address of mailboxes) {
    const found = await mailIn(reach, address, scratch);
    filed.set(address, found.ids);
    damaged.push(...found.damaged);
  }
  const { reported } = await mailIn(reach, senderMailbox, scratch);
  const { sent, copies, outages } = ledger;
  return { ledger: { sent, copies, outages, damaged }, filed, reported };
}

const names = {
  lost: "accepted messages are lost",
  partial: "messages went to a part of their recipients only",
  phantoms: "messages were delivered whose end was never sent",
  damaged: "messages are damaged",
  unexplained: "duplicates have no reason",
  filedTwice: "messages lie twice in a mailbox",
  reportedTwice: "failures were reported twice",
} as const satisfies Partial<Record<keyof Account, string>>;

/** Throws when anything is wrong, whatever it is, and names the first few. */
export function mustBalance(account: Account): void {
  const wrong: string[] = [];
  for (const [name, words] of Object.entries(names) as [keyof typeof names, string][]) {
    const found = account[name];
    if (found.length > 0) wrong.push(`${found.length} ${words}:\n  ${found.slice(0, 10).join("\n  ")}`);
  }
  assert.equal(wrong.length, 0, wrong.join("\n"));
  assert.ok(account.accepted > 0, "nothing was accepted, so nothing was tested");
}

/** One line for people: what became of the mail, and the duplicates that each kind of event left. */
export function tell({ outages, longestWait }: Ledger, found: Account): string {
  const { accepted, promised, refused, unknown, unsent, lost, duplicates } = found;
  return [
    `acknowledged ${accepted} (${promised} recipients)`,
    `lost ${lost.length}`,
    `duplicates ${duplicates.length}${outages.length > 0 ? ` (${byKind(outages, duplicates)})` : ""}`,
    `refused ${refused}, unknown ${unknown}, cut before the dot ${unsent}`,
    `longest wait of a client ${(longestWait / 1_000).toFixed(1)} s`,
  ].join(", ");
}

function byKind(outages: readonly Outage[], duplicates: readonly Duplicate[]): string {
  const kinds = [...new Set(outages.map(({ victim }) => victim))].map((kind) => {
    const count = outages.filter(({ victim }) => victim === kind).length;
    const left = duplicates.filter(({ outage }) => outage.victim === kind).length;
    return `${kind} ${count} with ${left}`;
  });
  const lead = Math.max(0, ...duplicates.map((duplicate) => duplicate.lead));
  const average = (duplicates.length / outages.length).toFixed(2);
  const when = lead > 0 ? `; taken at most ${Math.ceil(lead)} ms before it` : "";
  return `${average} per event: ${kinds.join(", ")}${when}`;
}

/** What clients heard instead of 250, and how often. */
function refusals({ sent }: Ledger): string {
  const counts = new Map<string, number>();
  for (const { told } of sent.values())
    if (told?.kind === "refused") counts.set(told.reply, (counts.get(told.reply) ?? 0) + 1);
  return [...counts].map(([reply, count]) => `${count} × ${reply}`).join("; ");
}
