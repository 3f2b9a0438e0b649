/**
 * One question over UDP: a socket of its own, hence a random port of its own, connected so that the kernel drops what
 * other addresses send.
 *
 * In:     the query; a signal that ends the wait.
 * Out:    the datagram that answers it, or `overTcp` when UDP cannot be trusted with this one.
 * Fails:  rejects with the socket's error (port unreachable) or with the signal's reason.
 * Spec:   RFC 5452 §9 (ports, ids, matching), RFC 1035 §4.2.1.
 */
import { createSocket, type Socket } from "node:dgram";
import type { Server } from "./servers.ts";
import { judge, type Query } from "./wire.ts";

/** So many wrong answers to one question are no accident: someone is guessing. */
const maxStrays = 8;

export async function askUdp(server: Server, query: Query, signal: AbortSignal): Promise<Buffer | "overTcp"> {
  signal.throwIfAborted();
  const socket = createSocket(server.address.includes(":") ? "udp6" : "udp4");
  const stop = () => socket.emit("error", signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await conversation(socket, server, query);
  } finally {
    signal.removeEventListener("abort", stop);
    socket.on("error", () => {}); // a late ICMP message must not end the process
    socket.close();
  }
}

function conversation(socket: Socket, server: Server, query: Query): Promise<Buffer | "overTcp"> {
  return new Promise((resolve, reject) => {
    let strays = 0;
    socket.once("error", reject);
    socket.on("message", (datagram) => {
      const verdict = judge(query, datagram);
      if (verdict === "ours") resolve(datagram);
      else if (verdict === "mangled" || ++strays > maxStrays) resolve("overTcp");
    });
    socket.connect(server.port, server.address, () => socket.send(query.bytes));
  });
}
