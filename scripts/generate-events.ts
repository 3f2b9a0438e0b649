/**
 * Writes docs/events.schema.json: the contract of message events, for those who read them.
 *
 * In:     `daemon/queue/event-schema.ts`; `--check`: only compare.
 * Fails:  with `--check`, status 1 when the file is not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventSchema } from "../daemon/queue/event-schema.ts";

const path = join(import.meta.dirname, "../docs/events.schema.json");
const text = `${JSON.stringify(eventSchema("open"), undefined, 2)}\n`;

if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (readFileSync(path, "utf8") !== text) {
  console.error("docs/events.schema.json is not current: run make generate, and commit it");
  process.exit(1);
}
