/**
 * The data folder belongs to one process at a time.
 *
 * In:     a folder, made (for its owner alone) when absent.
 * Out:    the claim, held until it is disposed of or the process dies.
 * Fails:  `DataDirInUse`, which names the process that has it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isLock, tryLockFile } from "./file-lock.ts";

export class DataDirInUse extends Error {
  override readonly name = "DataDirInUse";
  readonly heldBy: number | undefined;
  constructor(dir: string, heldBy: number | undefined) {
    super(
      `${dir} is in use by process ${heldBy ?? "(unknown)"}: stop it first, or choose another folder with --data`,
    );
    this.heldBy = heldBy;
  }
}

export async function lockDataDir(dir: string): Promise<AsyncDisposable> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const result = tryLockFile(join(dir, "lock"));
  if (!isLock(result)) throw new DataDirInUse(dir, result.heldBy);
  return { [Symbol.asyncDispose]: async () => result[Symbol.dispose]() };
}
