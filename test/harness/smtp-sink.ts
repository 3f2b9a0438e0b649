/**
 * Postfix's `smtp-sink` as a peer: a server that others wrote, which throws mail away.
 *
 * Out:   `undefined` where it is not installed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const places = [
  "/usr/sbin/smtp-sink",
  "/usr/bin/smtp-sink",
  "/usr/local/sbin/smtp-sink",
  "/usr/libexec/postfix/smtp-sink",
];

export interface SmtpSink extends AsyncDisposable {
  readonly port: number;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

/** smtp-sink tells nobody when it listens: knock until it opens. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`smtp-sink ended with ${child.exitCode}`);
    const socket = net.connect(port, "127.0.0.1");
    const opened = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (opened) return;
    await delay(20);
  }
}

export async function startSmtpSink(...options: readonly string[]): Promise<SmtpSink | undefined> {
  const program = places.find((place) => existsSync(place));
  if (!program) return undefined;
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn(program, [...user, ...options, `127.0.0.1:${port}`, "1024"], { stdio: "ignore" });
  await listening(child, port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}
