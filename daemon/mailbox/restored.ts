/**
 * A mailbox that was brought back from a copy: what was given out since the copy is not known, and mail programs may have
 * seen it. Pure.
 *
 * UIDs stay what they were, and UIDVALIDITY with them. New UIDs begin beyond all that may have been given since, so that
 * none names two messages. Every message counts as changed, and what was removed as unknown: a program that was here
 * meanwhile asks for all flags once, and learns which messages are not there (any more).
 *
 * Spec: RFC 9051 §2.3.1.1 (a UID never names another message), RFC 7162 §3.1.2, §3.2.10.2 (mod-sequences only rise).
 */
import { type FolderLedger, type Ledger, UID_MAX } from "./ledger.ts";

/** More than anybody gets between two copies; a folder has UIDs for four thousand of these. */
const UIDS = 1_000_000;
const MODSEQS = 2 ** 30;
const FOLDERS = 1_000;

export function afterRestoration(ledger: Ledger): Ledger {
  const modseq = ledger.modseq + MODSEQS;
  const folders = ledger.folders.map(
    (folder): FolderLedger => ({
      ...folder,
      uidNext: Math.min(UID_MAX, folder.uidNext + UIDS),
      modseq,
      floor: modseq,
    }),
  );
  return { ...ledger, modseq, folders, nextFolder: ledger.nextFolder + FOLDERS };
}
