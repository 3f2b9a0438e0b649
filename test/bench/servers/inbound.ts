/**
 * Postfleet as strangers meet it: mail for a domain of ours, which goes on by LMTP. HAProxy stands before it and names an
 * address by the PROXY protocol, since a client on this machine has none that the DNS could vouch for.
 *
 * `postfleet-in`:     the client may relay, so nothing is looked at.
 * `postfleet-checks`: it is a stranger, and all is looked at: SPF, DKIM (RSA-2048), DMARC, HELO, reverse DNS, two DNS lists, all
 *                     of its counts. The message is signed. The pause before the greeting is off: it costs time and no work.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RelayPolicySpec } from "../../../crds/types.ts";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../../daemon/mail/dkim/sign-message.ts";
import { startDns, type Zone } from "../../harness/dns-server.ts";
import { aDomain, aPolicy, manifest } from "../../harness/manifest.ts";
import { freePort, listening } from "../kit/ports.ts";
import { startSink } from "../kit/sink.ts";
import { clientName } from "../kit/source.ts";
import { asServer, startFleet } from "./postfleet.ts";
import type { Server, Setting } from "./server.ts";

const domain = "bench.example";
const client = "192.0.2.1";

export const startUnexamined = (setting: Setting): Promise<Server> => start("postfleet-in", setting, true);
export const startExamined = (setting: Setting): Promise<Server> => start("postfleet-checks", setting, false);

async function start(name: string, { state, env }: Setting, trusted: boolean): Promise<Server> {
  await using parts = new AsyncDisposableStack();
  const sink = parts.use(await startSink(await freePort(), "envelopes", ["-L"]));
  const key = generateDkimKey("rsa-sha256");
  const dns = parts.use(await startDns(zoneOf(key)));
  const fleet = parts.use(
    await startFleet({
      state,
      folder: name,
      resources: manifest(lists(sink.port), policy(trusted)),
      args: ["--dns", dns.address, "--proxy-from", "127.0.0.0/8"],
      ...(env ? { env } : {}),
    }),
  );
  const port = await freePort();
  parts.use(await startProxy(join(state, `${name}-proxy`), port, fleet.port("smtp")));
  const mail = async (octets: number) => {
    const file = join(state, `${name}-${octets}.eml`);
    await writeFile(file, await signedMail(key, octets), "latin1");
    return file;
  };
  const owned = parts.move();
  return { ...asServer(fleet), name, port, sink, mail, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const zoneOf = (key: string): Zone => ({
  [domain]: [`TXT "v=spf1 ip4:${client} -all"`],
  [`_dmarc.${domain}`]: ['TXT "v=DMARC1; p=reject"'],
  [`s1._domainkey.${domain}`]: [textRecord(dkimRecord(key))],
  [clientName]: [`A ${client}`],
  [`${client.split(".").reverse().join(".")}.in-addr.arpa`]: [`PTR ${clientName}`],
});

/** In strings of at most 255 octets. RFC 1035 §3.3.14 */
const textRecord = (text: string): string =>
  `TXT ${(text.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(" ")}`;

const lists = (sinkPort: number) =>
  aDomain(domain, {
    delivery: { lmtp: { host: "127.0.0.1", port: sinkPort, tls: "Off" } },
    inbound: {
      spf: { fail: "Reject", softFail: "Junk" },
      dkim: { fail: "Junk" },
      helo: { ownName: "Reject", literal: "Reject", unqualified: "Mark", unresolvable: "Mark" },
      reverseDns: { missing: "Junk", mismatch: "Mark" },
      dnsLists: { lists: [{ zone: "bad.lists.example" }, { zone: "worse.lists.example" }], rejectAt: 1 },
    },
  });

/** Beyond what one client of a benchmark sends. */
const many = 1_000_000;
const limits: Partial<RelayPolicySpec["limits"]> = {
  messagesPerMinutePerClient: many,
  messagesPerMinutePerNetwork: many,
  connectionsPerMinutePerClient: many,
  connectionsPerMinutePerNetwork: many,
  recipientsPerMinutePerClient: many,
  recipientsPerMinutePerNetwork: many,
  greetingDelayMilliseconds: 0,
};

const policy = (trusted: boolean) =>
  aPolicy({
    limits,
    sites: { maxConnections: 50 },
    ...(trusted ? { acceptFrom: { cidrs: [`${client}/32`] } } : {}),
  });

/** Lines end with LF: smtp-source makes CRLF of them. */
async function signedMail(pem: string, octets: number): Promise<string> {
  const header = [
    `From: Sender <sender@${domain}>`,
    `To: Everybody <all@${domain}>`,
    "Subject: A message of a benchmark",
    "Date: Mon, 02 Nov 2026 08:00:00 +0000",
    `Message-ID: <bench@${domain}>`,
    "",
  ];
  const line = "A line of a message as it might be, of about sixty octets.";
  const lines = Array.from({ length: Math.ceil(octets / (line.length + 2)) }, () => line);
  const text = [...header, ...lines, ""].join("\r\n");
  const key = { ...parseDkimKey(pem), selector: "s1" };
  const fields = await signMessage(Buffer.from(text, "latin1"), () => ({
    domain,
    keys: [key],
    at: Date.now(),
  }));
  return `${fields}${text}`.replaceAll("\r\n", "\n");
}

async function startProxy(folder: string, port: number, to: number): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "haproxy.cfg");
  await writeFile(
    file,
    [
      "defaults",
      "  mode tcp",
      "  timeout connect 5s",
      "  timeout client 120s",
      "  timeout server 120s",
      "listen smtp",
      `  bind 127.0.0.1:${port}`,
      `  tcp-request connection set-src ipv4(${client})`,
      `  server daemon 127.0.0.1:${to} send-proxy`,
      "",
    ].join("\n"),
  );
  const child = spawn("haproxy", ["-f", file, "-db"], { stdio: ["ignore", "ignore", "inherit"] });
  const failed = new AbortController();
  child.once("error", (error) => failed.abort(error));
  await listening(port, AbortSignal.any([failed.signal, AbortSignal.timeout(10_000)]));
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}
