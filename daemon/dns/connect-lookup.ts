/**
 * The resolver as connections ask it for a host's addresses: so the web server of a domain's policy is found by the same
 * servers (`--dns`) as its mail server.
 *
 * Fails:  with `ENOTFOUND` or `EAI_AGAIN`, as the system's look-up does.
 */
import type { LookupFunction } from "node:net";
import type { Resolver } from "./resolver.ts";

export function connectLookup(resolver: Pick<Resolver, "addresses">): LookupFunction {
  return (host, { all }, done) => {
    resolver.addresses(host, patience()).then(
      (answer) => {
        if (answer.kind !== "found") return done(notFound(host, answer.kind === "failed"), []);
        const [first] = answer.records;
        if (all || first === undefined) done(null, [...answer.records]);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, []),
    );
  };
}

/** The connection that asks has limits of its own, which a look-up does not hear of. */
const patience = (): AbortSignal => AbortSignal.timeout(20_000);

function notFound(host: string, failed: boolean): NodeJS.ErrnoException {
  const code = failed ? "EAI_AGAIN" : "ENOTFOUND";
  return Object.assign(new Error(`${code} ${host}`), { code });
}
