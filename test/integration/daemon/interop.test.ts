/**
 * Trust, filters and safe transport with the programs that people use: what they say of us, and what we make of them.
 * `make interop` prints the table; a program that is not installed is skipped.
 */
import assert from "node:assert/strict";
import { after } from "node:test";
import { parseDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../../daemon/mail/dkim/sign-message.ts";
import { noDkimpy, verifiedByDkimpy } from "../../harness/dkim-verify.ts";
import { gtube, junkWord, laterWord, virus } from "../../harness/filter-programs.ts";
import { openInterop, records, theirs } from "../../harness/interop-world.ts";
import { Matrix } from "../../harness/matrix.ts";
import { noPostfix } from "../../harness/postfix.ts";
import { needs, run } from "../../harness/programs.ts";
import { signingPrograms } from "../../harness/signed-zone.ts";
import { until, untilTrue } from "../../harness/until.ts";

const interop = await openInterop();
after(() => interop[Symbol.asyncDispose]());
const { world, policies, postfix, send, filed, came, waits } = interop;
const { fleet } = world;

const text = (subject: string, body = "hello") =>
  `From: <x@far.example>\r\nTo: <ann@home.example>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`;
const matrix = new Matrix();

// ── signatures

const ours = [
  ...["From: Ann <sender@home.example>", "To: ann@postfix.example", "Subject: signed"],
  ...["Date: Sun, 29 Nov 2026 11:00:00 +0000", "Message-ID: <1@home.example>"],
  ...["", ".. It  works. ", "", "", ""],
].join("\n");
const atPostfix = { skip: noPostfix || needs("opendkim").skip };
let results: Promise<string> | undefined;
/** Signed by us, taken by Postfix, judged by its milter. */
function opendkimSays(): Promise<string> {
  results ??= (async () => {
    await world.submit({ to: "ann@postfix.example", text: ours });
    const mail = await until("the message at Postfix", async () => (await postfix?.mail("ann"))?.[0]);
    return /^Authentication-Results: opendkim\.example;(?:.*\n[ \t])*.*$/m.exec(mail)?.[0] ?? mail;
  })();
  return results;
}
const algorithms = ["rsa-sha256", "ed25519-sha256"] as const;
for (const algorithm of algorithms) {
  matrix.row(`our DKIM signature, ${algorithm}`, "Postfix with OpenDKIM", atPostfix, async () => {
    const said = await opendkimSays();
    assert.match(said, new RegExp(`dkim=pass .*header\\.d=home\\.example.*header\\.a=${algorithm}`), said);
    return "pass";
  });
}
for (const algorithm of algorithms) {
  matrix.row(`our DKIM signature, ${algorithm}`, "dkimpy", { skip: noDkimpy }, async () => {
    await world.submit({ to: "x@sts.example", text: ours.replace("signed", `for-${algorithm}`) });
    const { octets } = await came("127.0.0.5", `for-${algorithm}`);
    const said = verifiedByDkimpy(Buffer.from(octets), records);
    assert.ok(
      said.some((line) => line.startsWith(`pass ${algorithm} home.example`)),
      said.join(),
    );
    return "pass";
  });
}

// ── filters

matrix.row("clean mail, with its score", "rspamd", needs("rspamd"), async () => {
  assert.match(await send(text("clean"), "ann@rspamd.example"), /^250/);
  const mail = await filed("clean", "ann@rspamd.example");
  assert.match(
    mail,
    /^X-Postfleet-Filter: peer=clean\r\nX-Spam-Status: No, score=0\.00 required=15\.00\r\n/m,
  );
  assert.match(mail, /^X-Seen: 127\.0\.0\.99 client\.example x@far\.example ann@rspamd\.example\r$/m);
  return "X-Spam-Status, its own fields; it knew client, HELO and envelope";
});
matrix.row("spam", "rspamd", needs("rspamd"), async () => {
  const reply = await send(text("spam", gtube), "ann@rspamd.example");
  assert.match(reply, /^550 5\.7\.1 Gtube pattern/);
  return reply.trim();
});
matrix.row("junk, for one of two domains", "rspamd", needs("rspamd"), async () => {
  assert.match(await send(text("junk", junkWord), "ann@rspamd.example", "bob@open.example"), /^250/);
  assert.match(await filed("junk", "ann@rspamd.example", "Junk"), /^X-Spam-Status: Yes, score=7\.00/m);
  assert.doesNotMatch(await filed("junk", "bob@open.example"), /X-Spam|X-Postfleet-Filter/);
  return "in Junk; the other domain's copy is untouched";
});
matrix.row("come again later", "rspamd", needs("rspamd"), async () => {
  const reply = await send(text("later", laterWord), "ann@rspamd.example");
  assert.match(reply, /^451 4\.7\.1 Come again tomorrow/);
  return reply.trim();
});
matrix.row("clean mail, spam", "rspamd's milter", needs("rspamd"), async () => {
  assert.match(await send(text("clean"), "ann@by-milter.example"), /^250/);
  const mail = await filed("clean", "ann@by-milter.example");
  assert.match(
    mail,
    /^X-Postfleet-Filter: peer=clean\r\nX-Seen: 127\.0\.0\.99 client\.example x@far\.example ann@/m,
  );
  const reply = await send(text("spam", gtube), "ann@by-milter.example");
  assert.match(reply, /^5\d\d 5\.7\.1 Gtube pattern/);
  return `its own fields; ${reply.trim()}`;
});
const clamPrograms = needs("clamd", "clamav-milter");
matrix.row("clean mail", "clamav-milter", clamPrograms, async () => {
  assert.match(await send(text("clean"), "ann@clamav.example"), /^250/);
  assert.match(await filed("clean", "ann@clamav.example"), /X-Virus-Status: Clean\r\nReceived: /);
  return "X-Virus-Status: Clean, in front";
});
matrix.row("a virus at the end of 3 MB", "clamav-milter", clamPrograms, async () => {
  const body = `${"A line of a large message.\r\n".repeat(120_000)}${virus}`;
  const reply = await send(text("virus", body), "ann@clamav.example");
  assert.match(reply, /^5\d\d 5\.7\.1 A virus: Test\.Postfleet/);
  return reply.trim();
});
matrix.row("a stranger's signature, through us", "OpenDKIM", needs("opendkim"), async () => {
  const order = {
    domain: "far.example",
    keys: [{ selector: "s", ...parseDkimKey(theirs) }],
    at: Date.now() - 60_000,
  };
  const octets = Buffer.from(text("theirs", "a\r\n\r\n  spaces   \r\n\r\n".repeat(20_000)));
  const message = `${await signMessage(octets, () => order)}${octets}`;
  assert.match(await send(message, "ann@opendkim.example"), /^250/);
  assert.match(
    await filed("theirs", "ann@opendkim.example"),
    /^Authentication-Results: opendkim\.example;\s+dkim=pass/m,
  );
  const altered = message.replace("spaces", "Spaces").replace("Subject: theirs", "Subject: altered");
  assert.match(await send(altered, "ann@opendkim.example"), /^250/);
  assert.match(await filed("altered", "ann@opendkim.example"), /opendkim\.example;\s+dkim=fail/);
  return "pass; fail when altered";
});

// ── the way out

const validating = needs(...signingPrograms);
matrix.row("DANE: the right key", "NSD, Unbound", validating, async () => {
  await world.submit({ to: "x@signed.example", text: "Subject: dane\n\nhello\n" });
  assert.equal((await came("127.0.0.2", "dane")).encrypted, true);
  return "sent, encrypted, to a self-signed certificate";
});
matrix.row("DANE: another key", "NSD, Unbound", validating, async () => {
  await waits(await world.submit({ to: "x@wrong.signed.example" }), /DANE/);
  assert.equal(world.hop("127.0.0.3").messages.length, 0);
  return "not sent";
});
matrix.row("DNSSEC: a record that was altered", "NSD, Unbound", validating, async () => {
  await waits(await world.submit({ to: "x@bogus.example" }), /cannot be found in the DNS now/);
  assert.equal(world.hop("127.0.0.3").messages.length, 0);
  return "not sent";
});

const web = { skip: policies === undefined && "port 443 of 127.0.0.5 may not be used (root may)" };
matrix.row("MTA-STS: enforce, a host of the policy", "an HTTPS server", web, async () => {
  await world.submit({ to: "x@sts.example", text: "Subject: sts\n\nhello\n" });
  assert.equal((await came("127.0.0.5", "sts")).encrypted, true);
  await untilTrue("the policy to be fetched", () => policies?.asked.includes("mta-sts.sts.example") === true);
  return "fetched, obeyed, sent";
});
matrix.row("MTA-STS: enforce, a host beside the policy", "an HTTPS server", web, async () => {
  await waits(await world.submit({ to: "x@astray.example" }), /MTA-STS/);
  assert.equal(world.hop("127.0.0.3").messages.length, 0);
  return "not sent";
});
matrix.row("MTA-STS: a policy behind another's certificate", "an HTTPS server", web, async () => {
  await world.submit({ to: "x@other-sts.example", text: "Subject: other\n\nhello\n" });
  await came("127.0.0.5", "other");
  assert.ok(!policies?.asked.includes("mta-sts.other-sts.example"));
  return "not believed";
});
matrix.row("our own MTA-STS policy", "curl", needs("curl"), async () => {
  const ask = async (domain: string) => {
    const host = `mta-sts.${domain}:${fleet.port("mta-sts")}`;
    const url = `https://${host}/.well-known/mta-sts.txt`;
    return (await run("curl", ["-ksS", "--resolve", `${host}:127.0.0.1`, url, "-w", "%{http_code}"])).stdout;
  };
  assert.match(
    await ask("open.example"),
    /^version: STSv1\r\nmode: testing\r\nmx: mx\.fleet\.example\r\n.*200$/s,
  );
  assert.match(await ask("home.example"), /404$/);
  return "served, where a domain asks for it";
});
