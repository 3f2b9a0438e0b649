/**
 * A lock that the kernel frees when its holder dies, however it dies.
 *
 * In:     a path for the lock file (made when absent, never removed: removing it would let two holders in).
 * Out:    a `FileLock` to dispose of, or who holds it.
 * Fails:  when the file cannot be made or locked at all (permissions, a file system without locks).
 *
 * Node has no `flock`, but its SQLite takes POSIX record locks: nothing is stale after a kill, no process id has to be
 * believed, two processes cannot both take over, and it works for containers that share a volume. The process id in
 * the file beside it is for the message only.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

export interface FileLock extends Disposable {
  readonly path: string;
}

export interface HeldElsewhere {
  /** Undefined in the instant before the holder has written it. */
  readonly heldBy: number | undefined;
}

const busy = 5; // SQLITE_BUSY

export function tryLockFile(path: string): FileLock | HeldElsewhere {
  const holder = `${path}.pid`;
  // `timeout: 0`: waiting would block the event loop. Callers who want to wait ask again.
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE"); // nothing is written, so no journal on disk
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    return { heldBy: readPid(holder) };
  }
  writeFileSync(holder, `${process.pid}\n`);
  return { path, [Symbol.dispose]: () => db.isOpen && db.close() };
}

export const isLock = (result: FileLock | HeldElsewhere): result is FileLock => "path" in result;

function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
