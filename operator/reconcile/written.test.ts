import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { resource } from "../../test/harness/kube-resources.ts";
import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import { Written } from "./written.ts";

const soon = () => AbortSignal.timeout(120_000);
const status = (loaded: string) => ({ observedGeneration: 1, loaded, conditions: [] });

async function open() {
  const kube = new MemoryKube();
  const made = await kube.create(resource("MailDomain", "ns", "a", { domain: "a.test" }), soon());
  const read = async (): Promise<KubeObject> =>
    (await kube.get(kinds.MailDomain, "ns", "a", soon())) ?? assert.fail("gone");
  return { kube, made, read, written: new Written(kube) };
}

test("what was written counts before the watch has brought it, and is written once", async () => {
  const { made, written, read } = await open();
  assert.equal(await written.status(made, status("1/2"), soon()), true);
  assert.equal(await written.status(made, status("1/2"), soon()), false);
  assert.equal(written.statusOf<{ loaded: string }>(made)?.loaded, "1/2");
  assert.equal(await written.status(await read(), status("1/2"), soon()), false);
});

test("our own write comes back as an echo, once; what others did meanwhile does not", async () => {
  const { kube, made, written, read } = await open();
  await written.addFinalizer(kinds.MailDomain, made, "f", soon());
  assert.equal(written.isEcho(made), false, "an older state");
  const echo = await read();
  assert.equal(written.isEcho(echo), true);
  assert.equal(written.isEcho(echo), false);
  await written.status(echo, status("1/2"), soon());
  await kube.patch(kinds.MailDomain, "ns", "a", { metadata: { annotations: { by: "others" } } }, soon());
  assert.equal(written.isEcho(await read()), false);
  await written.status(await read(), status("2/2"), soon());
  written.forget(await read());
  assert.equal(written.isEcho(await read()), false, "it was forgotten");
});

test("of two writes of ours, what the second said counts while only the first has come back", async () => {
  const { made, written, read } = await open();
  await written.addFinalizer(kinds.MailDomain, made, "f", soon());
  const first = await read();
  await written.status(made, status("1/2"), soon());
  assert.equal(written.isEcho(first), false, "news, as far as the cache is concerned");
  assert.equal(written.statusOf<{ loaded: string }>(first)?.loaded, "1/2");
  assert.equal(written.isEcho(await read()), true);
});
