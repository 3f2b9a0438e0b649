/**
 * A reporter for `node --test` that is silent about what passes: failures in full, then Node's own summary lines.
 *
 * In:   the runner's events. Out: text.
 */
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** The summary comes as diagnostics; these are its lines. */
const summary = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

// biome-ignore lint/style/noDefaultExport: the runner takes a module's default export.
export default async function* quiet(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type === "test:fail") yield failure(event.data);
    else if (event.type === "test:stderr") yield event.data.message;
    else if (event.type === "test:diagnostic" && summary.test(event.data.message))
      yield `ℹ ${event.data.message}\n`;
  }
}

function failure(data: Extract<TestEvent, { type: "test:fail" }>["data"]): string {
  // A suite fails because of the tests inside it, which have been reported already.
  const error = data.details.error as Error & { failureType?: string };
  if (error.failureType === "subtestsFailed") return "";
  const where = data.file === undefined ? "" : ` (${data.file}:${data.line ?? 0})`;
  const cause = error.cause ?? error;
  const told = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  return `✖ ${data.name}${where}\n${told.replace(/^/gm, "  ")}\n`;
}
