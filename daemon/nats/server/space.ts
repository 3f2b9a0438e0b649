/**
 * How much the store may hold: 80 % of what is free or already its own.
 *
 * Why: a store that meets its own limit refuses cleanly and heals by itself; a full disk wedges streams until a restart.
 */
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";

const share = 0.8;

export async function storeBudget(storeDir: string): Promise<number> {
  const { bavail, bsize } = await statfs(storeDir);
  return Math.floor(share * (bavail * bsize + (await bytesUnder(storeDir))));
}

async function bytesUnder(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A predecessor's leftovers may vanish while we count.
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}
