/**
 * A daemon among the programs that people use: content filters, Postfix, a validating resolver, a web server with MTA-STS
 * policies; each where it is installed.
 *
 * Use:    `await using interop = await openInterop();`
 * Out:    the programs that there are, keys and records of the domains, and the few words of sending and waiting.
 * Ends:   with its disposal.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import https from "node:https";
import { join } from "node:path";
import type { Filter } from "../../crds/types.ts";
import { dkimRecord, dkimRecordName, generateDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { folderWith } from "./background.ts";
import { type Certificate, makeCertificate } from "./certificates.ts";
import { startDns, type Zone } from "./dns-server.ts";
import { type FilterProgram, startClamav, startOpendkim, startRspamd } from "./filter-programs.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "./manifest.ts";
import { noPostfix, startPostfix } from "./postfix.ts";
import { needs } from "./programs.ts";
import { signingPrograms, startSignedZones } from "./signed-zone.ts";
import { sendAsStranger } from "./submit.ts";
import { until, untilTrue } from "./until.ts";
import { openWorld, stranger } from "./world.ts";

const keys = { rsa: generateDkimKey("rsa-sha256"), ed25519: generateDkimKey("ed25519-sha256") };
/** Of a stranger's domain. */
export const theirs = generateDkimKey("rsa-sha256");
export const records = {
  [dkimRecordName("s", "home.example")]: dkimRecord(keys.rsa),
  [dkimRecordName("s-ed25519", "home.example")]: dkimRecord(keys.ed25519),
  [dkimRecordName("s", "far.example")]: dkimRecord(theirs),
};
const txt = (text: string) => `TXT ${(text.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(" ")}`;
const certificate = await makeCertificate(
  ...(["mx.signed.example", "mx.sts.example", "mta-sts.sts.example", "mta-sts.astray.example"] as const),
);
const spki = new X509Certificate(certificate.cert).publicKey.export({ type: "spki", format: "der" });
const rightKey = createHash("sha256").update(spki).digest("hex");

const zone: Zone = {
  ...Object.fromEntries(Object.entries(records).map(([name, text]) => [name, [txt(text)]])),
  "plain.example": ["MX 10 mx.plain.example"],
  "mx.plain.example": ["A 127.0.0.4"],
  "sts.example": ["MX 10 mx.sts.example"],
  "mx.sts.example": ["A 127.0.0.5"],
  "other-sts.example": ["MX 10 mx.sts.example"],
  "_mta-sts.sts.example": ['TXT "v=STSv1; id=1"'],
  "mta-sts.sts.example": ["A 127.0.0.5"],
  "astray.example": ["MX 10 mx.astray.example"],
  "mx.astray.example": ["A 127.0.0.3"],
  "_mta-sts.astray.example": ['TXT "v=STSv1; id=1"'],
  "mta-sts.astray.example": ["A 127.0.0.5"],
  "_mta-sts.other-sts.example": ['TXT "v=STSv1; id=1"'],
  "mta-sts.other-sts.example": ["A 127.0.0.5"],
};
const signedZones = (port: number) => ({
  "signed.example": `
@ MX 10 mx
mx A 127.0.0.2
_${port}._tcp.mx TLSA 3 1 1 ${rightKey}
wrong MX 10 mx.wrong
mx.wrong A 127.0.0.3
_${port}._tcp.mx.wrong TLSA 3 1 1 ${"00".repeat(32)}
`,
  "bogus.example": "@ MX 10 broken\nbroken A 127.0.0.3\n",
});

const present = (...programs: readonly string[]) => needs(...programs).skip === false;
const byMilter = (port: number) => ({ milter: { address: `127.0.0.1:${port}` } });
const filtered = (
  domain: string,
  program: FilterProgram | undefined,
  how: (port: number) => Partial<Filter>,
) => [
  aDomain(domain, { inbound: { filters: program ? [{ name: "peer", ...how(program.port) }] : [] } }),
  aMailbox(`ann@${domain}`),
];

export async function openInterop() {
  await using parts = new AsyncDisposableStack();
  const dns = parts.use(await startDns(zone));
  const startIf = async <T extends AsyncDisposable>(there: boolean, start: () => Promise<T>) =>
    there ? parts.use(await start()) : undefined;
  const [rspamd, clamav, opendkim] = await Promise.all([
    startIf(present("rspamd"), () => startRspamd(dns.address)),
    startIf(present("clamd", "clamav-milter"), startClamav),
    startIf(present("opendkim"), () => startOpendkim(dns.address)),
  ]);
  const postfix =
    noPostfix === false && opendkim
      ? parts.use(await startPostfix(9, [`inet:127.0.0.1:${opendkim.port}`]))
      : undefined;
  const policies = parts.use(await servePolicies(certificate));
  const authorities = parts.use(await folderWith("authorities", () => ({ "ca.pem": certificate.cert })));

  const world = parts.use(
    await openWorld({
      documents: [
        aSecret("keys", { "s.pem": keys.rsa, "s-ed25519.pem": keys.ed25519 }),
        aDomain("home.example", { dkim: { selector: "s", secretRef: { name: "keys" } } }),
        aMailbox("sender@home.example"),
        filtered("rspamd.example", rspamd, (port) => ({ rspamd: { url: `http://127.0.0.1:${port}` } })),
        filtered("by-milter.example", rspamd && { ...rspamd, port: rspamd.milterPort }, byMilter),
        filtered("clamav.example", clamav, byMilter),
        filtered("opendkim.example", opendkim, byMilter),
        aDomain("open.example", { mtaSts: { mode: "Testing" } }),
        aMailbox("bob@open.example"),
        aPolicy({
          acceptFrom: { cidrs: ["127.0.0.1/32"] },
          destinations: postfix
            ? [
                {
                  match: "postfix.example",
                  route: { smarthost: { host: "127.0.0.1", port: postfix.port, tls: "Opportunistic" } },
                },
              ]
            : [],
        }),
      ],
      hops: Object.fromEntries(
        ["127.0.0.2", "127.0.0.3", "127.0.0.5"].map(
          (address) => [address, { tls: { how: "ok", certificate } }] as const,
        ),
      ),
      zone,
      env: { NODE_EXTRA_CA_CERTS: join(authorities.path, "ca.pem") },
      ...(present(...signingPrograms)
        ? { resolver: (inner, port) => startSignedZones(signedZones(port), inner.address) }
        : {}),
    }),
  );
  const { fleet, observer } = world;
  const send = (message: string | Buffer, ...to: readonly string[]) =>
    sendAsStranger(fleet.port("smtp"), { as: stranger, to, message });
  const filed = (subject: string, mailbox: string, folder = "INBOX") =>
    until(`${subject} in ${mailbox}'s ${folder}`, async () =>
      (await observer.mail(mailbox, folder)).find((mail) => mail.includes(`Subject: ${subject}\r\n`)),
    );
  const came = async (address: string, subject: string) => {
    const hop = world.hop(address);
    const find = () => hop.messages.find(({ octets }) => octets.includes(`Subject: ${subject}`));
    await hop.until(() => find() !== undefined);
    return find() ?? assert.fail();
  };
  const waits = (id: string, why: RegExp) =>
    untilTrue(`${why} in the queue`, async () =>
      why.test(await fleet.command("queue", "show", id).catch(() => "")),
    );

  const owned = parts.move();
  return {
    world,
    policies,
    postfix,
    send,
    filed,
    came,
    waits,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** On the one port that policies are fetched from. */
async function servePolicies({ key, cert }: Certificate) {
  const asked: string[] = [];
  const server = https.createServer({ key, cert }, (question, answer) => {
    asked.push(`${question.headers.host}`);
    answer.end("version: STSv1\r\nmode: enforce\r\nmx: mx.sts.example\r\nmax_age: 86400\r\n");
  });
  const failed = once(server.listen(443, "127.0.0.5"), "listening").then(
    () => false,
    () => true,
  );
  if (await failed) return undefined;
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
