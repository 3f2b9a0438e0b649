/**
 * The process of `world.ts`: the number of destinations as its argument, news by its channel; ends with it.
 */
import net from "node:net";
import { startDns } from "../../harness/dns-server.ts";
import { type Script, startNextHop, usualExtensions } from "../../harness/next-hop.ts";
import { startBusyHop } from "../memory/next-hop.ts";
import { addressOf, zoneOf } from "./places.ts";
import { sharedNow } from "./time.ts";
import type { WorldNews } from "./world.ts";

const tell = (news: WorldNews) => void process.send?.(news);
let watching = false;
const touched = () => {
  if (!watching) return;
  watching = false;
  tell({ kind: "touched", at: sharedNow() });
};

/** The recipient of each open transaction, by connection. */
const recipients = new Map<number, string>();
const healthy: Script = {
  extensions: usualExtensions,
  reply({ stage, line, connection }) {
    touched();
    if (stage === "rcpt") recipients.set(connection, /<(.*?)>/.exec(line)?.[1] ?? "");
    const address = recipients.get(connection);
    if (stage === "dot" && address) tell({ kind: "arrived", address, at: sharedNow() });
    return undefined;
  },
};

const hop = await startNextHop(healthy, addressOf.works);
const { port } = hop;
await startBusyHop(port, { host: addressOf.busy, touched });
const silent = net.createServer((socket) => {
  touched();
  socket.on("error", () => {}).resume();
});
silent.listen({ port, host: addressOf.silent, backlog: 4_096 });
const dns = await startDns(zoneOf(Number(process.argv[2])));
process.on("message", () => {
  watching = true;
});
process.on("disconnect", () => process.exit());
tell({ kind: "ready", dns: dns.address, port });
