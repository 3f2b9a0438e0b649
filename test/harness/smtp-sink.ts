/**
 * Postfix's `smtp-sink` as a peer: a server that others wrote, which throws mail away.
 *
 * Out:   `undefined` where it is not installed.
 */
import { existsSync } from "node:fs";
import { listens, startBackground } from "./background.ts";
import { freePort } from "./free-port.ts";

const places = [
  "/usr/sbin/smtp-sink",
  "/usr/bin/smtp-sink",
  "/usr/local/sbin/smtp-sink",
  "/usr/libexec/postfix/smtp-sink",
];

export interface SmtpSink extends AsyncDisposable {
  readonly port: number;
}

export async function startSmtpSink(...options: readonly string[]): Promise<SmtpSink | undefined> {
  const program = places.find((place) => existsSync(place));
  if (!program) return undefined;
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const args = [...user, ...options, `127.0.0.1:${port}`, "1024"];
  const sink = await startBackground({ program, args, ready: () => listens(port) });
  return { port, [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose]() };
}
