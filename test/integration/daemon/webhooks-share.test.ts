/** A namespace with many slow receivers keeps no other namespace's webhooks waiting: docs/security.md, "Webhooks". */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../../harness/certificates.ts";
import { HookReceiver } from "../../harness/hook-receiver.ts";
import { aDomain, aMailbox, aSecret, inNamespace } from "../../harness/manifest.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

/** Requests at once of one gateway. */
const PLACES = 256;
/** Of one hook, while its receiver does well. */
const AT_ONCE = 8;
const greedy = [0, 1, 2, 3, 4].map((i) => `g${i}.example`);

test("many receivers that hang take half of the places, and another namespace is told at once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "webhooks-share-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const certificate = await makeCertificate("hooks.example", "127.0.0.1", "localhost");
  const ca = join(folder, "ca.pem");
  await writeFile(ca, certificate.cert);
  await using receiver = await new HookReceiver(certificate).start();
  receiver.answers.set("/slow", "hang");
  const hook = (name: string, path: string) =>
    ({ name, url: `https://hooks.example:${receiver.port}${path}`, secretRef: { name: "hooks" } }) as never;
  const secret = aSecret("hooks", { secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` });
  const inGreedy = inNamespace("greedy");
  const webhooks = Array.from({ length: 8 }, (_, i) => hook(`h${i}`, "/slow"));
  await using world = await openWorld({
    documents: [
      [
        inGreedy(secret),
        ...greedy.flatMap((domain) => [
          inGreedy(aDomain(domain, { webhooks: webhooks as never })),
          inGreedy(aMailbox(`m@${domain}`)),
        ]),
        secret,
        aDomain("home.example", { webhooks: [hook("crm", "/quick")] as never }),
        aMailbox("alice@home.example"),
      ],
    ],
    zone: { "hooks.example": ["A 127.0.0.1"] },
    env: { NODE_EXTRA_CA_CERTS: ca },
  });
  assert.ok(greedy.length * webhooks.length * AT_ONCE > PLACES, "they want more than there are");
  for (let i = 0; i < AT_ONCE / 2; i++)
    await world.submit({ from: "x@far.example", to: greedy.map((domain) => `m@${domain}`) });
  const most = () => receiver.hanging.get("/slow")?.most ?? 0;
  await untilTrue("half of the places to be taken", () => most() >= PLACES / 2);
  const id = await world.submit({ from: "x@far.example", to: "alice@home.example" });
  await receiver.first("/quick", ({ event }) => event.data.message === id);
  assert.equal(most(), PLACES / 2);
});
