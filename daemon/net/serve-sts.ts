/**
 * The listener `mta-sts`: serves the MTA-STS policies of our domains over HTTPS, and nothing else.
 *
 * In:     certificates by server name, the text of a domain's policy.
 * Out:    200 with the policy for `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`, 404 for everything else.
 * Limits: 200 connections at once, 8 KiB of header, 5 s for it, 10 s for a question; no body is read.
 * Spec:   RFC 8461 §3.2, §3.3.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { CannotListen } from "./cannot-listen.ts";
import { Caps } from "./caps.ts";
import type { ContextFor } from "./connection.ts";
import { httpPatience } from "./http-patience.ts";
import { peerOf } from "./peer.ts";
import type { ServerEvents } from "./server-events.ts";

export interface StsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly secureContext: ContextFor;
  /** `undefined`: the domain has none, or is not ours. */
  readonly policy: (domain: string) => string | undefined;
  /** Questions are told by their method. */
  readonly events?: ServerEvents;
}

export interface StsServer extends AsyncDisposable {
  readonly port: number;
}

/** Half of them for one client: behind a load balancer that hides addresses, all clients are one. */
const connections = { connections: 200, perClient: 100 } as const;
const path = "/.well-known/mta-sts.txt";

export async function serveSts(options: StsServerOptions): Promise<StsServer> {
  const { secureContext, events } = options;
  const server = createServer(
    {
      minVersion: "TLSv1.2",
      SNICallback: (name, done) => done(null, secureContext(name)),
      ...httpPatience,
      handshakeTimeout: 10_000,
      maxHeaderSize: 8_192,
    },
    (question, answer) => respond(question, answer, options),
  );
  const caps = new Caps(() => connections);
  // Before TLS begins: a handshake that never ends is how a slow client would keep others out.
  server.prependListener("connection", (socket) => {
    const leave = caps.enter(peerOf(socket as Socket)?.address ?? "");
    if (typeof leave !== "function") return void socket.destroy();
    events?.opened?.();
    socket.once("close", () => {
      leave();
      events?.closed?.();
    });
  });
  server.on("secureConnection", (socket) => events?.secured?.(socket.getProtocol() ?? "unknown"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new CannotListen("mta-sts", options, error)));
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function respond(
  question: IncomingMessage,
  answer: ServerResponse,
  { policy, events }: StsServerOptions,
): void {
  const began = performance.now();
  const host = (question.headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
  const read = question.method === "GET" || question.method === "HEAD";
  const text =
    read && question.url === path && host.startsWith("mta-sts.")
      ? policy(host.slice("mta-sts.".length))
      : undefined;
  const headers = { "content-type": "text/plain; charset=utf-8", connection: "close" };
  answer.writeHead(text === undefined ? 404 : 200, headers).end(text ?? "There is no policy here.\n");
  const command = read ? (question.method as string) : "unknown";
  const how = text !== undefined ? "done" : read ? "refused" : "wrong";
  events?.spoke?.(command, how, performance.now() - began);
}
