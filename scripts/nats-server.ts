/**
 * Makes sure that there is a nats-server, and prints its path; progress goes to standard error.
 */
import { findServer } from "../daemon/nats/server/find.ts";

try {
  const { program } = await findServer({ env: process.env, progress: (line) => console.error(line) });
  console.log(program);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
