/**
 * One question over TCP: for answers that do not fit a datagram, or when UDP is not to be trusted.
 *
 * In:     the query; a signal that ends the wait.
 * Out:    the message that answers it.
 * Fails:  rejects with the socket's error, with the signal's reason, or when the server ends or answers something else.
 * Spec:   RFC 7766, RFC 1035 §4.2.2 (two octets of length before each message).
 */
import { connect, type Socket } from "node:net";
import type { Server } from "./servers.ts";
import { judge, type Query } from "./wire.ts";

export async function askTcp(server: Server, query: Query, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  const socket = connect({ host: server.address, port: server.port, noDelay: true });
  const stop = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(query.bytes.length);
    socket.write(Buffer.concat([length, query.bytes])); // one segment: RFC 7766 §8
    const message = await firstMessage(socket);
    // The letters' case protects UDP from forgers; here the connection does, and old servers may change it.
    if (judge(query, message) === "stray") throw new Error("the server answered another question");
    return message;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.on("error", () => {});
    socket.destroy();
  }
}

async function firstMessage(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < 2) continue;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks, size);
    const end = 2 + all.readUInt16BE(0);
    if (size >= end) return all.subarray(2, end);
    chunks.splice(0, chunks.length, all);
  }
  throw new Error("the server closed the connection before it answered");
}
