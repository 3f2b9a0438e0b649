/**
 * Examinations of messages against a DNS in memory, in which `a.test` has SPF, a DKIM key and DMARC.
 *
 * Out:  `examine`: a message as it is described, to its evidence; `begin`: an examination of one's own; `short`: evidence in a line.
 */
import type { Evidence } from "../../daemon/auth/origin/evidence.ts";
import { Examination, type ExaminationMeans } from "../../daemon/auth/origin/examination.ts";
import type { Lookup } from "../../daemon/auth/origin/lookup.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../daemon/mail/dkim/sign-message.ts";
import { lookUpIn, type Zone } from "./dns-zone.ts";

/** Of `a.test`, selector `s`. */
export const pem = generateDkimKey("ed25519-sha256");
const key = { selector: "s", ...parseDkimKey(pem) };
const includes = (count: number) =>
  `TXT "v=spf1 ${Array.from({ length: count }, (_, i) => `include:i${i}.test`).join(" ")} -all"`;
const zone: Zone = {
  ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`i${i}.test`, ['TXT "v=spf1 ?all"']])),
  "ten.test": [includes(10)],
  "eleven.test": [includes(11)],
  "two-empty.test": ['TXT "v=spf1 a:n0.test a:n1.test -all"'],
  "three-empty.test": ['TXT "v=spf1 a:n0.test a:n1.test a:n2.test -all"'],
  "a.test": ['TXT "v=spf1 ip4:192.0.2.1 -all"', "MX 10 mx.a.test"],
  "_dmarc.a.test": ['TXT "v=DMARC1; p=reject; sp=quarantine"'],
  "s._domainkey.a.test": [`TXT "${dkimRecord(pem)}"`],
  "soft.test": ['TXT "v=spf1 ~all"'],
  "loop.test": ['TXT "v=spf1 include:loop.test -all"'],
  "mx.a.test": ["A 192.0.2.1"],
  "viamx.test": ['TXT "v=spf1 mx -all"', "MX 10 mx.a.test"],
  "sub.a.test": ["A 192.0.2.9"],
  "pct.test": ["A 192.0.2.9"],
  "_dmarc.pct.test": ['TXT "v=DMARC1; p=reject; pct=30"'],
};

/** `failing`: names that cannot be looked up now. */
export const lookup =
  (failing: readonly string[] = []): Lookup =>
  async (name, type) => {
    if (failing.includes(name)) return { kind: "failed", text: "SERVFAIL" };
    const { rcode, answers } = lookUpIn(zone, { name, type }, 60, false);
    const records = answers
      .filter((record) => record.type === type)
      .map((record) => {
        const data = "data" in record ? record.data : undefined;
        if (type === "TXT") return [data].flat().join("");
        if (type === "A" || type === "AAAA") return { address: data };
        if (type === "MX") {
          const { preference, exchange } = data as { preference: number; exchange: string };
          return { preference, host: exchange };
        }
        return data;
      });
    if (records.length > 0) return { kind: "found", records };
    return { kind: rcode === 0 ? "none" : "nxdomain" };
  };

/** Whoever connects, as a stranger; the DNS above, unless another one is given. */
export function begin(
  {
    client = "192.0.2.9",
    helo = "h.test",
    path = "a@a.test",
  }: { readonly client?: string; readonly helo?: string; readonly path?: string } = {},
  means: Partial<ExaminationMeans> = {},
): Examination {
  return new Examination(
    { client, helo, reversePath: path },
    {
      lookup: lookup(),
      hostname: "mx.us.test",
      clock: systemClock,
      chance: () => 0,
      log: silent,
      ...means,
    },
  );
}

export interface Given {
  readonly from?: string;
  readonly client?: string;
  readonly path?: string;
  readonly helo?: string;
  readonly signed?: boolean;
  readonly alter?: (text: string) => string;
  readonly failing?: readonly string[];
  readonly chance?: number;
  readonly pieces?: number;
}

export const body = "Hello\r\n\r\n.. it  works \r\n\r\n";

export async function examine(given: Given = {}): Promise<Evidence> {
  const {
    from = "ann@a.test",
    client = "192.0.2.9",
    path = "ann@a.test",
    helo = "mx.a.test",
    chance = 0,
    pieces = 7,
  } = given;
  const plain = Buffer.from(`From: ${from}\r\nTo: b@x.test\r\nSubject: x\r\n\r\n${body}`);
  const order = { domain: "a.test", keys: [key], at: Date.now() - 1_000 };
  const fields = given.signed ? await signMessage(plain, () => order) : "";
  const text = fields + plain.toString("latin1");
  const whole = Buffer.from(given.alter ? given.alter(text) : text, "latin1");
  const means = { lookup: lookup(given.failing), chance: () => chance };
  const examination = begin({ client, helo, path }, means);
  const at = whole.indexOf("\r\n\r\n") + 4;
  examination.header(whole.subarray(0, at));
  for (let i = at; i < whole.length; i += pieces) {
    const piece = Buffer.from(whole.subarray(i, i + pieces));
    await examination.write(piece);
    piece.fill(0);
  }
  return examination.end();
}

export const short = ({ spf, dkim, dmarc, arc }: Evidence) =>
  `spf=${spf.result}:${spf.domain} dkim=${dkim.map((d) => `${d.result}:${d.domain}`).join("+") || "none"} dmarc=${dmarc.result}:${dmarc.policy} arc=${arc}`;
