/**
 * Which DNS servers to ask: given as `ADDRESS:PORT`, or named by /etc/resolv.conf.
 *
 * In:     text. Search domains and options are passed over: every name that mail uses is complete.
 * Out:    `Server`s; `undefined` for text that names none.
 * Spec:   resolv.conf(5); IPv6 with a port is written `[2001:db8::1]:53`.
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

export interface Server {
  readonly address: string;
  readonly port: number;
}

const defaultPort = 53;

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
export function parseServer(text: string): Server | undefined {
  if (isIP(text) !== 0) return { address: text, port: defaultPort };
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+))(?::(?<port>[1-9]\d{0,4}))?$/.exec(text);
  if (!match?.groups) return undefined;
  const { six, four, port } = match.groups;
  const address = six ?? four ?? "";
  if (isIP(address) !== (six === undefined ? 4 : 6)) return undefined;
  const number = port === undefined ? defaultPort : Number(port);
  return number <= 65_535 ? { address, port: number } : undefined;
}

/** resolv.conf(5): without a `nameserver` line, the server on this machine is meant. */
export function serversOf(resolvConf: string): readonly Server[] {
  const servers = resolvConf.split("\n").flatMap((line) => {
    const [keyword, address = ""] = line.trim().split(/\s+/);
    const server = keyword === "nameserver" ? parseServer(address) : undefined;
    return server ? [server] : [];
  });
  return servers.length > 0 ? servers : [{ address: "127.0.0.1", port: defaultPort }];
}

/** The machine's own choice. A missing file means the same as an empty one. */
export async function systemServers(path = "/etc/resolv.conf"): Promise<readonly Server[]> {
  return serversOf(await readFile(path, "utf8").catch(() => ""));
}
