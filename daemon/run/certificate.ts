/**
 * The listeners' certificates: the installation's own, from files that may change while it is in use (cert-manager renews
 * them), and over it those of the domains, from the directory.
 *
 * In:     paths of PEM files, or the texts themselves; the directory.
 * Out:    `current(name)`: the newest that could be read for this server name. Connections that are open keep theirs.
 * Fails:  the first reading rejects with a `CommandError`; later a bad pair is reported, and the last good one stays.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { certificateFault } from "../../crds/certificate.ts";
import { CommandError } from "../cli/context.ts";
import type { Directory, LiveDirectory } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import {
  Certificates,
  type DomainCertificate,
  type Ends,
  endOf,
  type Installation,
  namesOf,
} from "../net/certificates.ts";
import type { ContextFor } from "../net/connection.ts";
import { serverContext } from "../net/secure-context.ts";
import { keptCertificate, makeCertificate } from "../net/self-signed.ts";
import type { RunOptions } from "./options.ts";

export interface Certificate extends Disposable {
  readonly current: ContextFor;
  readonly ends: () => Ends;
}

/** Where nothing listens. */
export const noCertificate: Certificate = {
  current: () => undefined,
  ends: () => ({ installation: undefined, domains: undefined }),
  [Symbol.dispose]: () => {},
};

export interface OwnCertificate extends Installation, Disposable {
  current(): SecureContext;
}

export type CertificateSource =
  | { readonly cert: string; readonly key: string; readonly inline?: undefined }
  | { readonly cert: string; readonly key: string; readonly inline: true };

export async function listenerCertificate(
  options: Pick<RunOptions, "tls" | "nats" | "data" | "hostname">,
  live: Pick<LiveDirectory, "current" | "onChange">,
  log: Log,
): Promise<Certificate> {
  const own = await ownCertificate(options, live, log);
  const none: readonly string[] = [];
  const nothing: Installation = { names: () => none, current: () => undefined, end: () => undefined };
  const certificates = new Certificates(own ?? nothing, log, Date.now);
  const update = (directory: Directory) => certificates.update(certificatesOf(directory));
  update(live.current());
  const last = lastResort(options.hostname);
  if (certificates.find(undefined) === undefined)
    log.warn(
      {},
      "no certificate: TLS uses a self-signed one that others will not trust; give --tls-cert and --tls-key, or a MailDomain with tls",
    );
  const leave = live.onChange(update);
  certificates.review();
  const review = setInterval(() => certificates.review(), REVIEW_MS);
  return {
    current: (name) => certificates.find(name) ?? last(),
    ends: () => certificates.ends,
    [Symbol.dispose]: () => {
      leave();
      clearInterval(review);
      own?.[Symbol.dispose]();
    },
  };
}

/**
 * Where there is no certificate for a name, one of our own making, as long as this process lives: servers that encrypt
 * without looking (RFC 7435) are better served by it than by plain text, and nobody's password need travel without TLS.
 */
function lastResort(hostname: string): () => SecureContext {
  let made: SecureContext | undefined;
  return () => (made ??= serverContext(makeCertificate([hostname], systemClock.now())));
}

function* certificatesOf(directory: Directory): Iterable<DomainCertificate> {
  for (const { namespace, name, domain, tls } of directory.domains())
    if (tls !== undefined) yield { resource: `${namespace}/${name}`, domain, ...tls };
}

/** From files; on a laptop else self-signed, since people there want to try TLS without a certificate authority. */
async function ownCertificate(
  options: Pick<RunOptions, "tls" | "nats" | "data" | "hostname">,
  live: Pick<LiveDirectory, "current">,
  log: Log,
): Promise<OwnCertificate | undefined> {
  if (options.tls) return openCertificate(options.tls, log);
  if (options.nats.length > 0 || options.data === undefined) return undefined;
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
const REVIEW_MS = 6 * 3_600_000;

interface Texts {
  readonly cert: string;
  readonly key: string;
}

async function firstOf(read: () => Promise<Texts>, { cert, key }: Texts) {
  try {
    const texts = await read();
    return { texts, context: serverContext(texts), names: namesOf(texts.cert) };
  } catch (error) {
    throw new CommandError(
      `the certificate ${cert} with the key ${key} cannot be used: ${(error as Error).message}; ` +
        "--tls-cert and --tls-key name PEM files that belong together",
      1,
      error,
    );
  }
}

export async function openCertificate(source: CertificateSource, log: Log): Promise<OwnCertificate> {
  if (source.inline) {
    const context = serverContext(source);
    const names = namesOf(source.cert);
    const end = endOf(source.cert);
    return { current: () => context, names: () => names, end: () => end, [Symbol.dispose]: () => {} };
  }
  const read = async () => ({
    cert: await readFile(source.cert, "utf8"),
    key: await readFile(source.key, "utf8"),
  });
  const first = await firstOf(read, source);
  let { texts, context, names } = first;
  let end = endOf(texts.cert);
  tellFault(first.texts, source.cert, log);
  const look = async () => {
    try {
      const now = await read();
      if (now.cert === texts.cert && now.key === texts.key) return;
      const fault = certificateFault(now, Date.now());
      if (fault !== undefined) throw new Error(fault);
      context = serverContext(now);
      names = namesOf(now.cert);
      end = endOf(now.cert);
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
  return {
    current: () => context,
    names: () => names,
    end: () => end,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** At the start there is no better one: an old certificate serves those who do not look at it. */
function tellFault(texts: Texts, file: string, log: Log): void {
  const problem = certificateFault(texts, Date.now());
  if (problem !== undefined)
    log.error({ file, problem }, "the certificate is used, but others will not trust it");
}
