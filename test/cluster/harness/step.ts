/**
 * Tests that build on each other. When one fails, what the cluster says is written into a file whose path is told, and the
 * rest is passed over.
 */
import { type TestContext, test } from "node:test";
import { report } from "./cluster.ts";

let broken = false;

/** One step of the road. */
export function step(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    if (broken) return t.skip("an earlier step failed");
    try {
      await run(t);
    } catch (error) {
      broken = true;
      t.diagnostic(`how the cluster was: ${await report(`${name}\n${(error as Error).stack}`)}`);
      throw error;
    }
  });
}
