/**
 * A next hop that has no time: it greets, and puts every message off. It tells when it is first asked to take one.
 */
import { once } from "node:events";
import net from "node:net";
import { performance } from "node:perf_hooks";

export interface BusyHop extends AsyncDisposable {
  /** `performance.now()` of the first MAIL. */
  readonly asked: Promise<number>;
}

export interface BusyHopOptions {
  readonly host?: string;
  /** Told of every MAIL. */
  readonly touched?: () => void;
}

export async function startBusyHop(
  port: number,
  { host = "127.0.0.1", touched = () => {} }: BusyHopOptions = {},
): Promise<BusyHop> {
  const asked = Promise.withResolvers<number>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => {
      for (const line of text.split("\r\n").slice(0, -1)) {
        if (/^MAIL /i.test(line)) {
          asked.resolve(performance.now());
          touched();
        }
        socket.write(/^(EHLO|RSET)/i.test(line) ? "250 busy.example\r\n" : "451 4.7.1 not now\r\n");
      }
    });
    socket.write("220 busy.example ESMTP\r\n");
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
