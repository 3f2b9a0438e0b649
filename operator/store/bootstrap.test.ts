/** What NATS is told of our account: made once, signed anew when what holds for it is another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authConf, termsIn, withTerms } from "../../daemon/nats/users/authority.ts";
import { anInstallation } from "../../test/harness/installation.ts";
import { type KeyFiles, keyFiles, keysFrom, makeKeys } from "./authority.ts";
import { bootstrap, type HomeSecrets } from "./bootstrap.ts";

const files = new Map(Object.entries(keyFiles(makeKeys())).map(([name, text]) => [name, Buffer.from(text)]));
const { authority } = keysFrom(files, "mail-keys");

/** The release namespace with its keys; `put` holds what NATS was given, in order. */
function home(auth?: string) {
  const put: string[] = [];
  const secrets = new Map<string, KeyFiles>([["mail-keys", files]]);
  if (auth !== undefined) secrets.set("mail-nats-auth", new Map([["auth.conf", Buffer.from(auth)]]));
  const home: HomeSecrets = {
    read: async (name) => secrets.get(name),
    makeKeys: () => assert.fail("there are keys"),
    putNatsAuth: async ({ authConf }) => {
      put.push(authConf);
      secrets.set("mail-nats-auth", new Map([["auth.conf", Buffer.from(authConf)]]));
    },
    keepUsers: async () => {},
  };
  return { home, put };
}

const installed = (store?: number) =>
  anInstallation({
    nats: {
      mode: "Included",
      urls: ["nats://mail-nats.postfleet.svc:4222"],
      replicas: 3,
      routes: [],
      ...(store === undefined ? {} : { store }),
    },
  });

test("a new account may take what the volumes of all replicas hold", async () => {
  const { home: secrets, put } = home();
  await bootstrap(installed(1e9), [], secrets);
  assert.deepEqual(put.map(termsIn), [{ revoked: {}, storeOctets: 3e9 }]);
});

const revoked = { UA: 1 };
const before = await withTerms(await authConf(authority), authority, { revoked, storeOctets: 3e9 });
const changes = [
  ["larger volumes", before, 2e9, [{ revoked, storeOctets: 6e9 }]],
  ["the same volumes", before, 1e9, []],
  ["a bound that nobody knows any more", before, undefined, [{ revoked, storeOctets: undefined }]],
  ["an account of an earlier version", await authConf(authority), 1e9, [{ revoked: {}, storeOctets: 3e9 }]],
] as const;
for (const [name, auth, store, want] of changes)
  test(`an account that is there: ${name}`, async () => {
    const { home: secrets, put } = home(auth);
    await bootstrap(installed(store), [], secrets);
    assert.deepEqual(put.map(termsIn), want);
  });

test("who is revoked later leaves the bound as it is", async () => {
  const { home: secrets, put } = home();
  const { issuer } = await bootstrap(installed(1e9), [], secrets);
  await issuer.issue("shop");
  await issuer.revoke("shop");
  const last = termsIn(put.at(-1) ?? "");
  assert.equal(Object.keys(last.revoked).length, 1);
  assert.equal(last.storeOctets, 3e9);
});
