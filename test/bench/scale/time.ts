/** A clock that all processes of this machine share, in ms: CLOCK_MONOTONIC. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Resolves when `done` holds, asked every `everyMs`; throws when it does not in time. */
export async function waitFor(
  what: string,
  done: () => Promise<boolean> | boolean,
  { limitMs, everyMs = 250 }: { readonly limitMs: number; readonly everyMs?: number },
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${Math.round(limitMs / 1_000)} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
