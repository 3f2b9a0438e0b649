/**
 * Runs a property: a fixed number of times within `make test`, for `FUZZ_SECONDS` each within `make fuzz`.
 *
 * Found:  a case that fails in `make fuzz` is kept in `test/fuzz/found/<name>.json`; whatever lies there is tried first by
 *         every later run, so a case that was found once stays a test. The file is to be committed with the repair.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import fc from "fast-check";

const folder = new URL("../fuzz/found/", import.meta.url);
const seconds = Number(process.env["FUZZ_SECONDS"] ?? 0);

/** A case as it is kept: `shown` is for people. */
interface Found {
  readonly shown: string;
  /** `v8.serialize`, base64. */
  readonly value: string;
}

/** `name` is the file's. */
export async function fuzz<T extends unknown[]>(
  name: string,
  property: fc.IPropertyWithHooks<T> | fc.IAsyncPropertyWithHooks<T>,
  { numRuns }: { readonly numRuns: number },
  where: URL = folder,
): Promise<void> {
  const file = new URL(`${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.json`, where);
  const known = read(file);
  const examples = known.map(({ value }) => deserialize(Buffer.from(value, "base64")) as T);
  const long = { interruptAfterTimeLimit: seconds * 1_000, numRuns: Number.MAX_SAFE_INTEGER };
  const parameters = seconds > 0 ? long : { numRuns: Math.max(numRuns, examples.length) };
  const details = await fc.check(property as fc.IAsyncPropertyWithHooks<T>, { ...parameters, examples });
  // Time is up: what was tried until then holds.
  if (!details.failed || (details.interrupted && details.counterexample === null)) return;
  if (seconds > 0 && details.counterexample) keep(file, known, details.counterexample);
  throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
}

function keep(file: URL, known: readonly Found[], counterexample: unknown): void {
  const value = serialize(counterexample).toString("base64");
  if (known.some((found) => found.value === value)) return;
  mkdirSync(new URL(".", file), { recursive: true });
  const found = { shown: fc.stringify(counterexample), value };
  writeFileSync(file, `${JSON.stringify([...known, found], null, 2)}\n`);
}

function read(file: URL): readonly Found[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as readonly Found[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
