/**
 * A zone that is signed (DNSSEC), served by NSD, and Unbound in front of it and of a test's own DNS, which validates.
 *
 * In:     records of `signed.example` and `bogus.example`, as in a zone file; whom to ask for every other name.
 * Out:    the resolver's address. It trusts the keys of the two zones, so their answers bear the AD bit; a record of
 *         `bogus.example` that is called `broken` was changed after it was signed.
 * Needs:  nsd, unbound, ldns-keygen, ldns-signzone.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderWith, listens, startBackground } from "./background.ts";
import { freePort } from "./free-port.ts";
import { run } from "./programs.ts";

export const signingPrograms = ["nsd", "unbound", "ldns-keygen", "ldns-signzone"] as const;

export interface Zones {
  readonly "signed.example": string;
  readonly "bogus.example": string;
}

export interface Unbound extends AsyncDisposable {
  /** `ADDRESS:PORT` */
  readonly address: string;
}

export async function startSignedZones(zones: Zones, forward: string): Promise<Unbound> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await folderWith("signed", () => ({})));
  const keys: string[] = [];
  for (const [name, text] of Object.entries(zones)) keys.push(await sign(folder.path, name, text));
  await breakRecord(join(folder.path, "bogus.example.signed"));
  const [nsd, unbound] = [await freePort(), await freePort()];
  await writeFile(join(folder.path, "nsd.conf"), nsdConfig(folder.path, nsd, Object.keys(zones)));
  const settings = unboundConfig(folder.path, unbound, nsd, Object.keys(zones), keys, forward);
  await writeFile(join(folder.path, "unbound.conf"), settings);
  const start = (program: string, port: number) =>
    startBackground({
      program,
      args: ["-d", "-c", join(folder.path, `${program}.conf`)],
      ready: () => listens(port),
    });
  parts.use(await start("nsd", nsd));
  parts.use(await start("unbound", unbound));
  const owned = parts.move();
  return { address: `127.0.0.1:${unbound}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const origin = (name: string) => `$ORIGIN ${name}.
$TTL 300
@ SOA ns.${name}. hostmaster.${name}. 1 3600 600 86400 300
@ NS ns.${name}.
ns A 127.0.0.1
`;

/** One key signs all: the file that holds it for others. */
async function sign(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, origin(name) + text);
  const { stdout } = await run("ldns-keygen", ["-k", "-a", "ECDSAP256SHA256", name], { cwd: folder });
  const key = join(folder, stdout.trim());
  await run("ldns-signzone", ["-f", `${file}.signed`, file, key], { cwd: folder });
  return `${key}.key`;
}

/** The address of `broken` is another one, its signature is not. */
async function breakRecord(file: string): Promise<void> {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^(broken\..*\sA\s+)[\d.]+$/m, "$1127.0.0.66"));
}

const nsdConfig = (folder: string, port: number, zones: readonly string[]) => `
server:
  ip-address: 127.0.0.1@${port}
  zonesdir: "${folder}"
  database: ""
  pidfile: "${folder}/nsd.pid"
  xfrdfile: "${folder}/xfrd.state"
  zonelistfile: "${folder}/zone.list"
  xfrdir: "${folder}"
  username: ""
  chroot: ""
  server-count: 1
remote-control:
  control-enable: no
${zones.map((name) => `zone:\n  name: ${name}\n  zonefile: ${name}.signed\n`).join("")}`;

const unboundConfig = (
  folder: string,
  port: number,
  nsd: number,
  zones: readonly string[],
  keys: readonly string[],
  forward: string,
) => `
server:
  interface: 127.0.0.1
  port: ${port}
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  chroot: ""
  username: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  num-threads: 1
${keys.map((key) => `  trust-anchor-file: "${key}"\n`).join("")}
remote-control:
  control-enable: no
${zones.map((name) => `stub-zone:\n  name: ${name}\n  stub-addr: 127.0.0.1@${nsd}\n`).join("")}
forward-zone:
  name: "."
  forward-addr: ${forward.replace(":", "@")}
`;
