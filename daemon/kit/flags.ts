/**
 * Values of command line options, from text to what they mean.
 *
 * In:     the text, or `undefined` when the option was not given; how people know the option; a list for problems.
 * Out:    the value, or the fallback.
 * Fails:  never: what cannot be used is added to `problems`, with its remedy, so that all are reported together.
 */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export function whole(
  text: string | undefined,
  flag: string,
  fallback: number,
  min: number,
  max: number,
  problems: string[],
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  problems.push(`${flag} ${text}: give a whole number from ${min} to ${max}`);
  return fallback;
}

export function oneOf<T extends string, Fallback extends T | undefined>(
  text: string | undefined,
  flag: string,
  of: readonly T[],
  fallback: Fallback,
  problems: string[],
): T | Fallback {
  if (text === undefined) return fallback;
  const found = of.find((each) => each === text);
  if (found !== undefined) return found;
  problems.push(`${flag} ${text}: choose one of ${of.join(", ")}`);
  return fallback;
}

/** `ADDRESS:PORT`, an IPv6 address in brackets. `example` is what the remedy proposes. */
export function endpoint(
  text: string,
  flag: string,
  example: string,
  problems: string[],
): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  problems.push(`${flag} ${text}: give ADDRESS:PORT, such as ${example}`);
  return undefined;
}
