/**
 * A real daemon with webhooks of a policy, of a domain and of another namespace, and a real HTTPS receiver of what they are told.
 *
 * Out:    the world, its receiver, and how its hooks are declared, so that a test can declare them in another way.
 * Ends:   with `close`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "./certificates.ts";
import { HookReceiver } from "./hook-receiver.ts";
import { aDomain, aMailbox, aPolicy, aSecret, type Document, inNamespace } from "./manifest.ts";
import { perRecipient } from "./next-hop.ts";
import { openWorld } from "./world.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const former = "a-former-secret-of-many-characters";
const inOther = inNamespace("other");

const hookAt =
  (port: number) =>
  (name: string, more: object = {}, host = "hooks.example") => ({
    name,
    url: `https://${host}:${port}/${name}`,
    secretRef: { name: "hooks" },
    ...more,
  });

const documentsOf =
  (hook: ReturnType<typeof hookAt>) =>
  (hooks: readonly object[]): readonly Document[] => [
    aSecret("hooks", { secret: `${secret} ${former}` }),
    inOther(aSecret("hooks", { secret })),
    aDomain("home.example", { webhooks: [hook("domain", { events: ["delivered", "bounced"] })] as never }),
    aMailbox("alice@home.example"),
    inOther(aDomain("other.example", { webhooks: [hook("other")] as never })),
    inOther(aMailbox("olga@other.example")),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, webhooks: hooks as never }),
  ];

export async function openHookWorld() {
  const folder = await mkdtemp(join(tmpdir(), "webhooks-"));
  const certificate = await makeCertificate("hooks.example", "127.0.0.1", "localhost");
  const ca = join(folder, "ca.pem");
  await writeFile(ca, certificate.cert);
  const receiver = await new HookReceiver(certificate).start();
  const hook = hookAt(receiver.port);
  const documents = documentsOf(hook);
  const wanted = [
    hook("all"),
    hook("flaky"),
    hook("slow"),
    hook("gone", { events: ["delivered"] }),
    hook("inside", {}, "inside.example"),
  ];
  const world = await openWorld({
    documents: [documents(wanted)],
    hops: { "127.0.0.2": perRecipient({ "nobody@far.example": "550 5.1.1 No such user" }) },
    zone: {
      "far.example": ["A 127.0.0.2"],
      "hooks.example": ["A 127.0.0.1"],
      "inside.example": ["A 10.255.255.1"],
    },
    env: { NODE_EXTRA_CA_CERTS: ca },
  });
  const close = async () => {
    await world[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, receiver, world, hook, documents, wanted, secret, former, close };
}
