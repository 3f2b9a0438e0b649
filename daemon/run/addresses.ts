/**
 * The addresses of a host by our own resolver.
 *
 * Out:    none when the name has none; rejects when that cannot be told now.
 */
import type { Resolver } from "../dns/resolver.ts";

export const addressesBy =
  (resolver: Resolver) =>
  async (host: string, signal: AbortSignal): Promise<readonly string[]> => {
    const answer = await resolver.addresses(host, signal);
    if (answer.kind === "failed") throw new Error(`${host}: ${answer.text}`);
    return answer.kind === "found" ? answer.records.map(({ address }) => address) : [];
  };
