/**
 * A real Dovecot: configuration, mail and ports of its own. The reference for clients' scripts, and for benchmarks.
 *
 * Mail lies in Maildirs, as most people have it; everything else is Dovecot's default, but for special folders, and for
 * enough processes and connections. Passwords are in the clear on loopback.
 *
 * Where:  needs root (its master changes users) and a version 2.3, as Debian has it; `noDovecot` tells why not.
 * Ends:   with its disposal.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { find } from "./programs.ts";
import { untilTrue } from "./until.ts";

export const noDovecot: string | false = reason();

function reason(): string | false {
  const program = find("dovecot");
  if (program === undefined) return "dovecot not installed";
  if (process.getuid?.() !== 0) return "dovecot must be started by root";
  return dovecotVersion().startsWith("2.3.") ? false : "dovecot is not of version 2.3";
}

export function dovecotVersion(): string {
  const text = execFileSync(find("dovecot") ?? "dovecot", ["--version"], { encoding: "utf8" });
  return text.trim().split(" ")[0] ?? "";
}

export interface DovecotUser {
  readonly name: string;
  /** In the clear, or with a scheme before it: `{ARGON2ID}$argon2id$…`. */
  readonly password: string;
  /** The user whose mail this is, when the name is another one for it. */
  readonly is?: string;
}

export interface Dovecot extends AsyncDisposable {
  readonly pid: number;
  readonly imap: number;
  /** `undefined` where the POP3 package is not installed. */
  readonly pop3: number | undefined;
  readonly log: () => Promise<string>;
}

export async function startDovecot(users: readonly DovecotUser[], within = tmpdir()): Promise<Dovecot> {
  await mkdir(within, { recursive: true });
  const root = await mkdtemp(join(within, "dovecot-"));
  await chmod(root, 0o755); // most of its programs are not root
  const nobody = idsOf("nobody");
  for (const folder of ["run", "state", "mail", "home"]) await mkdir(join(root, folder));
  for (const folder of ["mail", "home"]) await chown(join(root, folder), nobody.uid, nobody.gid);
  const imap = await freePort();
  const pop3 = existsSync("/usr/lib/dovecot/pop3") ? await freePort() : undefined;
  await writeFile(join(root, "users"), users.map(userLine).join(""));
  await chmod(join(root, "users"), 0o644);
  const file = join(root, "dovecot.conf");
  await writeFile(file, configuration({ root, imap, pop3, ...nobody }));
  const child = spawn(find("dovecot") ?? "dovecot", ["-F", "-c", file], { stdio: "ignore" });
  const ended = once(child, "exit");
  ended.catch(() => {});
  const log = () => readFile(join(root, "log"), "utf8").catch(() => "");
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await ended;
    }
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await untilTrue("dovecot's greeting", () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return answers(imap);
    });
  } catch (error) {
    const said = await log();
    await stop();
    throw new Error(`dovecot does not answer: ${said}`, { cause: error });
  }
  return { pid: child.pid ?? 0, imap, pop3, log, [Symbol.asyncDispose]: stop };
}

function userLine({ name, password, is }: DovecotUser): string {
  const secret = password.startsWith("{") ? password : `{PLAIN}${password}`;
  return `${name}:${secret}${is === undefined ? "" : `::::::user=${is}`}\n`;
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });

interface Setting {
  readonly root: string;
  readonly imap: number;
  readonly pop3: number | undefined;
  readonly uid: number;
  readonly gid: number;
}

const special = ["Drafts", "Sent", "Junk", "Trash", "Archive"]
  .map((name) => `  mailbox ${name} {\n    special_use = \\${name}\n    auto = subscribe\n  }\n`)
  .join("");

const configuration = ({ root, imap, pop3, uid, gid }: Setting): string => `
base_dir = ${root}/run
state_dir = ${root}/state
log_path = ${root}/log
protocols = imap${pop3 === undefined ? "" : " pop3"}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:${root}/mail/%u
mail_max_userip_connections = 2000
first_valid_uid = 1
default_client_limit = 4000
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${root}/users
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${root}/home/%u
}
namespace inbox {
  inbox = yes
  separator = /
${special}}
service imap-login {
  service_count = 0
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  service_count = 0
  inet_listener pop3 {
    port = ${pop3 ?? 0}
  }
  inet_listener pop3s {
    port = 0
  }
}
service imap {
  process_limit = 2000
}
`;
