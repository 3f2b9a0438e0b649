/**
 * A real Postfix for one test: configuration, queue and port of its own; it ends with the test.
 *
 * Out:    `undefined` together with the reason where it cannot run: not installed, or not root (its master must be).
 * Domain: it takes mail for `postfix.example` into Maildirs, offers STARTTLS and DSN, and sends everything else to the
 *         smarthost that it is given.
 */
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { find, run } from "./programs.ts";
import { RawClient } from "./smtp-client.ts";
import { until } from "./until.ts";

export const noPostfix: string | false =
  find("postfix") === undefined
    ? "postfix not installed"
    : process.getuid?.() !== 0 && "postfix must be started by root";

export interface Postfix extends AsyncDisposable {
  readonly port: number;
  /** The messages in a mailbox of `postfix.example`. */
  mail(name: string): Promise<string[]>;
  readonly log: () => Promise<string>;
}

/** The services that a small Postfix needs; none of them in a chroot. */
const master = (port: number): string => `
127.0.0.1:${port} inet n - n - - smtpd
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n - - proxymap
smtp       unix - - n - - smtp
error      unix - - n - - error
retry      unix - - n - - error
virtual    unix - n n - - virtual
anvil      unix - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
`;

/** `milters`: as Postfix names them, such as `inet:127.0.0.1:8891`. */
export async function startPostfix(smarthost: number, milters: readonly string[] = []): Promise<Postfix> {
  const root = await mkdtemp(join(tmpdir(), "postfix-"));
  await chmod(root, 0o755); // most of its programs are not root
  const [etc, spool, data, mail] = ["etc", "spool", "data", "mail"].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [etc, spool, data, mail]) await mkdir(folder);
  const [uid, gid] = [await idOf("-u"), await idOf("-g")];
  await chown(data, uid, gid);
  await chown(mail, uid, gid);
  const port = await freePort();
  const { key, cert } = await makeCertificate("mx.postfix.example");
  await writeFile(join(etc, "tls.pem"), `${key}${cert}`, { mode: 0o600 });
  const settings = {
    ...{ compatibility_level: "3.6", queue_directory: spool, data_directory: data, mail_owner: "postfix" },
    ...{
      maillog_file: join(root, "mail.log"),
      maillog_file_prefixes: root,
      myhostname: "mx.postfix.example",
    },
    ...{ inet_interfaces: "127.0.0.1", inet_protocols: "ipv4", mynetworks: "127.0.0.0/8", mydestination: "" },
    ...{ virtual_mailbox_domains: "postfix.example", virtual_mailbox_base: mail, virtual_minimum_uid: "1" },
    ...{ virtual_mailbox_maps: "inline:{ann@postfix.example=ann/, bob@postfix.example=bob/}" },
    ...{ virtual_uid_maps: `static:${uid}`, virtual_gid_maps: `static:${gid}`, disable_dns_lookups: "yes" },
    ...{ smtpd_relay_restrictions: "permit_mynetworks, reject", relayhost: `[127.0.0.1]:${smarthost}` },
    ...{ smtpd_tls_chain_files: join(etc, "tls.pem"), smtpd_tls_security_level: "may" },
    // Clients of this machine are no users of it: their messages stay as they are.
    ...{ local_header_rewrite_clients: "" },
    ...{ smtpd_milters: milters.join(","), milter_default_action: "tempfail" },
    ...{ smtp_tls_security_level: "encrypt", smtpd_tls_received_header: "yes", local_recipient_maps: "" },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(etc, "main.cf"), lines.join(""));
  await writeFile(join(etc, "master.cf"), master(port));
  const log = () => readFile(join(root, "mail.log"), "utf8").catch(() => "");
  const control = (command: string) => run(find("postfix") ?? "", ["-c", etc, command]);
  await control("start");
  await until("Postfix to greet", () => greets(port));
  return {
    port,
    log,
    mail: (name) => readMaildir(join(mail, name, "new")),
    async [Symbol.asyncDispose]() {
      await control("stop");
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function greets(port: number): Promise<true | undefined> {
  try {
    await using client = await RawClient.connect(port);
    return (await client.reply()).startsWith("220") ? true : undefined;
  } catch {
    return undefined;
  }
}

async function idOf(which: "-u" | "-g"): Promise<number> {
  const { stdout } = await run("id", [which, "postfix"]);
  return Number(stdout);
}

async function readMaildir(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.sort().map((name) => readFile(join(folder, name), "utf8")));
}
