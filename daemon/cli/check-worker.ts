/**
 * The process behind `checkApart`: one order in, one answer out, and it is gone.
 */

import { checkPaths } from "./check.ts";
import type { CheckOrder } from "./check-apart.ts";

process.once("message", async (order) => {
  const { paths, before } = order as CheckOrder;
  process.send?.(await checkPaths(paths, before), () => process.disconnect());
});
