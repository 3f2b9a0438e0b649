/**
 * The data folder belongs to one process at a time.
 *
 * In:     a folder, made (for its owner alone) when absent.
 * Out:    the claim, held until it is disposed of or the process dies.
 * Fails:  `DataDirInUse`, which names the process that has it; `DataDirUnusable` when no folder can be had there.
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

export class DataDirUnusable extends Error {
  override readonly name = "DataDirUnusable";
  constructor(dir: string, cause: Error) {
    super(
      `${dir} cannot be used as data folder: ${cause.message}; name a folder that you may write to with --data`,
      {
        cause,
      },
    );
  }
}

/** Where commands of the same user ask the daemon that has the folder. */
export const socketIn = (dir: string): string => join(dir, "api.sock");

export async function lockDataDir(dir: string): Promise<AsyncDisposable> {
  const result = claim(dir);
  if (!isLock(result)) throw new DataDirInUse(dir, result.heldBy);
  return { [Symbol.asyncDispose]: async () => result[Symbol.dispose]() };
}

function claim(dir: string) {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return tryLockFile(join(dir, "lock"));
  } catch (error) {
    throw new DataDirUnusable(dir, error as Error);
  }
}
