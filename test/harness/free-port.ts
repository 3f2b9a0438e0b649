/**
 * Ports on loopback for programs that cannot choose one themselves, and for servers that go and come back on the same one.
 *
 * Out:   ports below the range from which systems hand them out by themselves (32768 and up), so that no other listener and
 *        no connection is given one of them while nobody listens there; and not those of another test file, since each
 *        process takes them from a block of its own.
 */
import { createServer } from "node:net";

const FIRST = 10_000;
const BLOCK = 20;
const BLOCKS = 1_050; // up to 30,999
const ROUNDS = 3;

const block = FIRST + (process.pid % BLOCKS) * BLOCK;
let next = 0;

export const freePort = (): Promise<number> => freePorts(1);

/** The first of so many that follow each other. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < ROUNDS * BLOCK; tries++) {
    if (next + count > BLOCK) next = 0;
    const first = block + next;
    next += count;
    const free = await Promise.all(Array.from({ length: count }, (_, n) => isFree(first + n)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports from ${block} to ${block + BLOCK - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
