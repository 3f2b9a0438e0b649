/**
 * A listener's certificate, from files that may change while it is in use (cert-manager renews them).
 *
 * In:     paths of PEM files, or the texts themselves.
 * Out:    `current()`: the newest that could be read. Connections that are open keep theirs.
 * Fails:  the first reading rejects with a `CommandError`; later a bad pair is reported, and the last good one stays.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { CommandError } from "../cli/context.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { serverContext } from "../net/secure-context.ts";
import { keptCertificate } from "../net/self-signed.ts";
import type { RunOptions } from "./options.ts";

export interface Certificate extends Disposable {
  current(): SecureContext;
}

export type CertificateSource =
  | { readonly cert: string; readonly key: string; readonly inline?: undefined }
  | { readonly cert: string; readonly key: string; readonly inline: true };

/** From files; on a laptop else self-signed, since people there want to try TLS without a certificate authority. */
export async function listenerCertificate(
  options: Pick<RunOptions, "tls" | "nats" | "data" | "hostname">,
  live: Pick<LiveDirectory, "current">,
  log: Log,
): Promise<Certificate | undefined> {
  if (options.tls) return openCertificate(options.tls, log);
  if (options.nats.length > 0 || options.data === undefined) {
    const remedy =
      "no certificate: STARTTLS, submissions, imaps and pop3s are off; give --tls-cert and --tls-key";
    log.warn({}, remedy);
    return undefined;
  }
  const domains = [...live.current().domains()].map((entry) => entry.domain as string);
  const names: [string, ...string[]] = [options.hostname, "localhost", "127.0.0.1", ...domains.slice(0, 50)];
  const made = await keptCertificate(
    join(options.data, "tls"),
    [...new Set(names)] as [string, ...string[]],
    systemClock,
  );
  log.warn({}, "TLS uses a self-signed certificate, made for this machine: others will not trust it");
  return openCertificate({ ...made, inline: true }, log);
}

const LOOK_MS = 10_000;

interface Texts {
  readonly cert: string;
  readonly key: string;
}

async function firstOf(read: () => Promise<Texts>, { cert, key }: Texts) {
  try {
    const texts = await read();
    return { texts, context: serverContext(texts) };
  } catch (error) {
    throw new CommandError(
      `the certificate ${cert} with the key ${key} cannot be used: ${(error as Error).message}; ` +
        "--tls-cert and --tls-key name PEM files that belong together",
      1,
      error,
    );
  }
}

export async function openCertificate(source: CertificateSource, log: Log): Promise<Certificate> {
  if (source.inline) {
    const context = serverContext(source);
    return { current: () => context, [Symbol.dispose]: () => {} };
  }
  const read = async () => ({
    cert: await readFile(source.cert, "utf8"),
    key: await readFile(source.key, "utf8"),
  });
  const first = await firstOf(read, source);
  let { texts, context } = first;
  const look = async () => {
    try {
      const now = await read();
      if (now.cert === texts.cert && now.key === texts.key) return;
      context = serverContext(now);
      texts = now;
      log.info({ file: source.cert }, "a new certificate is in use");
    } catch (error) {
      // Half of a renewal: the next look finds the rest.
      log.warn(
        { err: error, file: source.cert },
        "the certificate could not be read; the last good one stays in use",
      );
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  return { current: () => context, [Symbol.dispose]: () => clearInterval(timer) };
}
