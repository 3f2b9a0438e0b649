/**
 * What leaves a real daemon is signed: submissions, reports, forwards, large messages; and a new selector takes over when
 * its record is seen. The judges are mailauth and dkimpy.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { dkimRecord, dkimRecordName, generateDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { noDkimpy, verifiedByDkimpy, verifiedByMailauth } from "../../harness/dkim-verify.ts";
import { aDomain, aMailbox, aPolicy, aSecret, manifest } from "../../harness/manifest.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const former = { rsa: generateDkimKey("rsa-sha256"), ed25519: generateDkimKey("ed25519-sha256") };
const next = { rsa: generateDkimKey("rsa-sha256"), ed25519: generateDkimKey("ed25519-sha256") };
const secret = aSecret("keys", {
  "s1.pem": former.rsa,
  "s1-ed25519.pem": former.ed25519,
  "s2.pem": next.rsa,
  "s2-ed25519.pem": next.ed25519,
});
const records = {
  [dkimRecordName("s1", "home.example")]: dkimRecord(former.rsa),
  [dkimRecordName("s1-ed25519", "home.example")]: dkimRecord(former.ed25519),
  [dkimRecordName("s2", "home.example")]: dkimRecord(next.rsa),
  [dkimRecordName("s2-ed25519", "home.example")]: dkimRecord(next.ed25519),
};
const txt = (name: string) =>
  `1 TXT ${(records[name]?.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(" ")}`;

const documents = (selector: string) => [
  secret,
  aDomain("home.example", { dkim: { selector, secretRef: { name: "keys" } } }),
  aMailbox("sender@home.example"),
  aMailbox("moved@home.example", { forwardTo: ["moved@far.example"], keepCopy: false }),
  aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
];

const world = await openWorld({
  documents: documents("s1"),
  hops: {
    "127.0.0.2": {
      reply: ({ stage, line }) => (stage === "rcpt" && line.includes("nobody") ? "550 5.1.1 no" : undefined),
    },
  },
  zone: {
    "far.example": ["A 127.0.0.2"],
    ...Object.fromEntries(
      Object.keys(records)
        .filter((name) => name.startsWith("s1"))
        .map((name) => [name, [txt(name)]]),
    ),
  },
  args: ["--hostname", "mx.home.example"],
});
after(() => world[Symbol.asyncDispose]());
const hop = world.hop("127.0.0.2");

const message = async (to: string) => {
  await hop.until(() => hop.messages.some(({ rcpts }) => rcpts.join().includes(to)));
  const found = hop.messages.findLast(({ rcpts }) => rcpts.join().includes(to));
  assert.ok(found);
  return Buffer.from(found.octets);
};

const by = (selector: string) => [
  `pass ed25519-sha256 home.example ${selector}-ed25519`,
  `pass rsa-sha256 home.example ${selector}`,
];

async function verified(to: string, selector = "s1") {
  const octets = await message(to);
  assert.deepEqual((await verifiedByMailauth(octets, records)).toSorted(), by(selector));
  if (noDkimpy === false) assert.deepEqual(verifiedByDkimpy(octets, records).toSorted(), by(selector));
}

const text = "From: Ann <sender@home.example>\nTo: x@far.example\nSubject: hello\n\n.. It  works. \n\n\n";

test("a submission is signed, small or large", async () => {
  await world.submit({ to: "small@far.example", text });
  await verified("small");
  await world.submit({
    to: "large@far.example",
    text: text + "A line of a large message.  \n".repeat(40_000),
  });
  await verified("large");
});

test("a report to a sender is signed", async () => {
  await world.submit({ from: "someone@far.example", to: "nobody@far.example", text });
  await verified("someone");
  assert.match(
    (await message("someone")).toString(),
    /^From: Mail Delivery System <MAILER-DAEMON@mx\.home\.example>/m,
  );
});

test("a forward is signed by the domain that forwards", async () => {
  await world.submit({
    from: "eve@far.example",
    to: "moved@home.example",
    text: text.replace("sender@home.example", "eve@far.example"),
    as: stranger,
  });
  await verified("moved");
});

test("a new selector signs once its records are seen, the former one until then", async () => {
  await world.fleet.rewrite(manifest(...documents("s2")));
  await untilTrue("the new selector to be in force", () =>
    world.fleet.log.includes('"msg":"directory changed"'),
  );
  await world.submit({ to: "before@far.example", text });
  await verified("before", "s1");
  for (const name of Object.keys(records)) world.dns.set(name, txt(name));
  // What was not seen is believed for a minute: a daemon that starts now knows nothing of that.
  world.fleet.signal("SIGTERM");
  await world.fleet.exited;
  await world.fleet.restart();
  await world.submit({ to: "behind@far.example", text });
  await verified("behind", "s2");
});
