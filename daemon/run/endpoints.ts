/**
 * `DATA/endpoints.json`: where this instance listens, for people and scripts: `{"smtp": "127.0.0.1:2525", …}`.
 * Written by rename once everything listens, so that whoever waits for it reads it whole; gone when nothing listens.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Endpoint } from "../kit/flags.ts";

export const endpointText = ({ host, port }: Endpoint): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

const fileIn = (data: string) => join(data, "endpoints.json");

/** Until it is disposed of. */
export async function publishEndpoints(
  data: string,
  endpoints: ReadonlyMap<string, Endpoint>,
): Promise<AsyncDisposable> {
  const file = fileIn(data);
  const entries = [...endpoints].map(([name, endpoint]) => [name, endpointText(endpoint)]);
  await writeFile(`${file}.new`, `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`);
  await rename(`${file}.new`, file);
  return { [Symbol.asyncDispose]: () => forgetEndpoints(data) };
}

export const forgetEndpoints = (data: string): Promise<void> => rm(fileIn(data), { force: true });
