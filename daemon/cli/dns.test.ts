import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startDns } from "../../test/harness/dns-server.ts";
import { aDomain, manifest } from "../../test/harness/manifest.ts";
import type { CommandContext } from "./context.ts";
import { dkimCommand } from "./dkim.ts";
import { dnsCommand } from "./dns.ts";

const folder = await mkdtemp(join(tmpdir(), "postfleet-dns-"));
after(() => rm(folder, { recursive: true }));

async function run(command: typeof dnsCommand, ...argv: string[]) {
  const lines: string[] = [];
  const out = { line: (text: string) => void lines.push(text), error: () => {} };
  const context: CommandContext = { out, env: {}, signal: AbortSignal.timeout(60_000) };
  const code = await command(argv, context);
  return { code, text: lines.join("\n") };
}

const keys = await run(dkimCommand, "a.test", "--selector", "s1", "--secret", "keys");
const file = join(folder, "mail.yaml");
await writeFile(
  file,
  `${keys.text}\n---\n${manifest(aDomain("a.test", { hostnames: ["mx.a.test"], dkim: { selector: "s1", secretRef: { name: "keys" } } }))}`,
);

test("a Secret to copy, with its records on top", () => {
  assert.match(
    keys.text,
    /^# s1\._domainkey\.a\.test\. +3600 IN TXT +"v=DKIM1; k=rsa; p=[^"]{232,}" "[^"]+"\n# s1-ed25519/,
  );
  assert.match(keys.text, /^kind: Secret$/m);
});

test("a zone file to copy, with the keys of the resource", async () => {
  const { code, text } = await run(dnsCommand, "A.test", "-f", file, "--zone");
  assert.equal(code, 0);
  assert.match(text, /^a\.test\. +3600 IN MX +10 mx\.a\.test\.$/m);
  for (const line of keys.text.split("\n").filter((l) => l.startsWith("# ")))
    assert.ok(text.replaceAll(/ +/g, " ").includes(line.slice(2).replaceAll(/ +/g, " ")), line);
});

test("what is there and what is not; the exit code says whether all that is needed is there", async () => {
  await using dns = await startDns({ "a.test": ["MX 10 mx.other.test", 'TXT "v=spf1 mx -all"'] });
  const argv = ["a.test", "--mail-host", "mx.a.test", "--dns", dns.address];
  const before = await run(dnsCommand, ...argv);
  assert.equal(before.code, 1);
  assert.match(
    before.text,
    /^Different MX {4}a\.test 10 mx\.a\.test\n +there: 10 mx\.other\.test; mail goes to mx\.other\.test$/m,
  );
  assert.match(before.text, /^Ok {8}TXT {3}a\.test v=spf1 mx ~all$/m);
  assert.match(before.text, /^Missing {3}TXT {3}_dmarc\.a\.test v=DMARC1; p=quarantine$/m);
  assert.match(before.text, /^Missing {3}SRV {3}_imaps\._tcp\.a\.test 0 1 993 mx\.a\.test\n +good to have$/m);
  dns.set("a.test", "MX 10 mx.a.test", 'TXT "v=spf1 mx -all"');
  dns.set("_dmarc.a.test", 'TXT "v=DMARC1; p=none"');
  const json = await run(dnsCommand, ...argv, "--json");
  assert.equal(json.code, 0);
  const { domain, records } = JSON.parse(json.text);
  assert.equal(domain, "a.test");
  assert.deepEqual(records[0], {
    type: "MX",
    name: "a.test",
    value: "10 mx.a.test",
    purpose: "mx",
    needed: true,
    observed: ["10 mx.a.test"],
    state: "Ok",
  });
});

const wrong = [
  [[], /give one domain/],
  [["a.test"], /--mail-host NAME/],
  [["a.test", "--mail-host", "not a host"], /--mail-host not a host: give a name/],
  [["b.test", "-f", file], /no MailDomain declares b\.test/],
  [["a.test", "--mail-host", "mx.a.test", "--dns", "x"], /--dns x: give an IP address/],
] as const;
for (const [argv, says] of wrong)
  test(`postfleet dns ${argv.join(" ")}`, () => assert.rejects(run(dnsCommand, ...argv), says));

test("a selector is one label", () =>
  assert.rejects(run(dkimCommand, "a.test", "--selector", "a.b"), /one label/));
