/**
 * Content filters that others wrote, each with a configuration of its own and without a look at the network: rspamd,
 * ClamAV with one signature of ours and its milter, OpenDKIM as a verifier.
 */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderWith, listens, startBackground } from "./background.ts";
import { freePort } from "./free-port.ts";

export interface FilterProgram extends AsyncDisposable {
  readonly port: number;
}

/** What ClamAV takes for a virus here: no real signature is needed, and nothing is downloaded. */
export const virus = "POSTFLEET-TEST-VIRUS-7f3a";
/** What rspamd takes for spam by itself. */
export const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
/** What our rule for rspamd takes for junk, and for something to come again with. */
export const junkWord = "postfleet-junk-word";
export const laterWord = "postfleet-later-word";

export interface Rspamd extends FilterProgram {
  /** Where its proxy speaks the milter protocol. */
  readonly milterPort: number;
  /** Where its controller scans, too, for those who know its password. */
  readonly controllerPort: number;
}

export async function startRspamd(dns: string, password: string = randomUUID()): Promise<Rspamd> {
  await using parts = new AsyncDisposableStack();
  const ports = { port: await freePort(), milterPort: await freePort(), controllerPort: await freePort() };
  const { path } = parts.use(
    await folderWith("rspamd", (folder) => rspamdFiles(folder, ports, password, dns)),
  );
  const args = ["-c", join(path, "rspamd.conf"), "-f", "-i"];
  const ready = async () =>
    (await pongs(ports.port)) && (await pongs(ports.controllerPort)) && (await listens(ports.milterPort));
  parts.use(await startBackground({ program: "rspamd", args, ready }));
  const owned = parts.move();
  return { ...ports, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const pongs = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/ping`).then(
    ({ ok }) => ok,
    () => false,
  );

const rspamdFiles = (
  folder: string,
  { port, milterPort, controllerPort }: Pick<Rspamd, "port" | "milterPort" | "controllerPort">,
  password: string,
  dns: string,
) => ({
  // Its own list of thousands of suffixes takes seconds to be compiled.
  tld: "com\norg\nnet\nexample\ntest\n",
  "rules.lua": `
local function body_has(word)
  return function(task)
    return tostring(task:get_content()):find(word, 1, true) ~= nil
  end
end
rspamd_config.JUNK_WORD = { callback = body_has("${junkWord}"), score = 7.0 }
rspamd_config.LATER_WORD = { callback = function(task)
  if body_has("${laterWord}")(task) then task:set_pre_result("soft reject", "Come again tomorrow") end
end, score = 0.0 }
rspamd_config.SEEN = { callback = function(task)
  local ip = tostring(task:get_from_ip())
  local from = (task:get_from("smtp") or {{}})[1].addr or ""
  local to = (task:get_recipients("smtp") or {{}})[1].addr or ""
  task:set_milter_reply({ add_headers = { ["X-Seen"] = table.concat({ ip, task:get_helo() or "", from, to }, " ") } })
end, score = 0.0, type = "postfilter" }
`,
  "rspamd.conf": `
options {
  pidfile = "${folder}/pid"; control_socket = "${folder}/control mode=0600"; hs_cache_dir = "${folder}";
  history_file = "${folder}/history"; stats_file = "${folder}/stats"; cache_file = "${folder}/cache";
  url_tld = "${folder}/tld"; tempdir = "${folder}"; filters = "";
  dns { nameserver = ["${dns}"]; timeout = 1s; retransmits = 1; }
}
logging { type = "console"; level = "warning"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
worker "controller" { bind_socket = "127.0.0.1:${controllerPort}"; count = 1; password = "${password}"; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${milterPort}"; milter = yes; count = 1; timeout = 30s;
  upstream "local" { default = yes; self_scan = yes; }
}
metric { name = "default"; actions { reject = 15; add_header = 6; greylist = null; } }
lua = "${folder}/rules.lua";
`,
});

/** clamd with one signature, and clamav-milter in front of it, which marks what it finds. */
export async function startClamav(): Promise<FilterProgram> {
  await using parts = new AsyncDisposableStack();
  const [clamd, port] = [await freePort(), await freePort()];
  const { path } = parts.use(await folderWith("clamav", (folder) => clamavFiles(folder, clamd, port)));
  await mkdir(join(path, "db"));
  await writeFile(join(path, "db", "test.ndb"), `Test.Postfleet:0:*:${Buffer.from(virus).toString("hex")}\n`);
  const start = (program: string, config: string, at: number) =>
    startBackground({ program, args: ["-c", join(path, config)], ready: () => listens(at) });
  parts.use(await start("clamd", "clamd.conf", clamd));
  parts.use(await start("clamav-milter", "milter.conf", port));
  const owned = parts.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const clamavFiles = (folder: string, clamd: number, port: number) => ({
  "clamd.conf": `
DatabaseDirectory ${folder}/db
TemporaryDirectory ${folder}
TCPSocket ${clamd}
TCPAddr 127.0.0.1
Foreground yes
SelfCheck 3600
`,
  "milter.conf": `
MilterSocket inet:${port}@127.0.0.1
ClamdSocket tcp:127.0.0.1:${clamd}
TemporaryDirectory ${folder}
Foreground yes
OnInfected Reject
RejectMsg A virus: %v
AddHeader Add
`,
});

/** `dns`: `ADDRESS:PORT`, where it finds keys. It says what it found in `Authentication-Results: opendkim.example`. */
export async function startOpendkim(dns: string): Promise<FilterProgram> {
  await using parts = new AsyncDisposableStack();
  const port = await freePort();
  const { path } = parts.use(await folderWith("opendkim", (folder) => opendkimFiles(folder, port, dns)));
  const args = ["-x", join(path, "opendkim.conf"), "-f"];
  parts.use(await startBackground({ program: "opendkim", args, ready: () => listens(port) }));
  const owned = parts.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const opendkimFiles = (folder: string, port: number, dns: string) => ({
  "opendkim.conf": `
Mode v
Socket inet:${port}@127.0.0.1
Background no
Syslog no
UserID root
AuthservID opendkim.example
AlwaysAddARHeader yes
ResolverConfiguration ${folder}/unbound.conf
`,
  "unbound.conf": `
server:
  do-not-query-localhost: no
  module-config: "iterator"
forward-zone:
  name: "."
  forward-addr: ${dns.replace(":", "@")}
`,
});
