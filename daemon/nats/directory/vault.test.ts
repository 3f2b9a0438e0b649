import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { loadOrCreateKey, namespaceKey, namespaceKeyText, readKeys, rereadKeys } from "./keys.ts";
import { type Sealed, Vault } from "./vault.ts";

const key = randomBytes(32);
const ns = "team-a";
const vault = new Vault([key]);

test("what is sealed opens again, and is not readable meanwhile", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (plain, record) => {
      const sealed = vault.seal(plain, record, ns);
      assert.equal(vault.open(sealed, record, ns), plain);
      if (plain.length > 3) assert.ok(!Buffer.from(sealed.c, "base64").includes(plain));
    }),
  );
});

test("the same text is sealed differently each time", () => {
  assert.notEqual(vault.seal("secret", "r", ns).c, vault.seal("secret", "r", ns).c);
});

const changes: readonly (readonly [string, (sealed: Sealed) => Sealed])[] = [
  ["a flipped bit", (s) => ({ ...s, c: flipped(s.c) })],
  ["another nonce", (s) => ({ ...s, n: flipped(s.n) })],
  ["a missing tag", (s) => ({ ...s, c: Buffer.from(s.c, "base64").subarray(0, 10).toString("base64") })],
  ["a short nonce", (s) => ({ ...s, n: "" })],
  ["an unknown key", (s) => ({ ...s, k: "0000000000000000" })],
];
function flipped(text: string): string {
  const bytes = Buffer.from(text, "base64");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString("base64");
}

for (const [name, change] of changes) {
  test(`${name} is noticed`, () => {
    const sealed = vault.seal("a longer secret", "record", ns);
    assert.equal(vault.open(sealed, "record", ns), "a longer secret");
    assert.equal(vault.open(change(sealed), "record", ns), undefined);
  });
}

test("a secret cannot be moved to another record", () => {
  assert.equal(
    vault.open(vault.seal("secret", "mailbox.default.alice", ns), "mailbox.default.bob", ns),
    undefined,
  );
});

test("a new key seals while the old one still opens", () => {
  const rotated = new Vault([randomBytes(32), key]);
  assert.equal(rotated.open(vault.seal("secret", "r", ns), "r", ns), "secret");
  assert.notEqual(rotated.keyIdOf(ns), vault.keyIdOf(ns));
  assert.equal(vault.open(rotated.seal("secret", "r", ns), "r", ns), undefined);
});

test("a key of another length is refused", () => {
  assert.throws(() => new Vault([randomBytes(16)]), /32 octets/);
  assert.throws(() => new Vault([]), /32 octets/);
});

test("a key file is made once, for its owner only, and then kept", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-key-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "directory.key");
  const [first, second] = [await loadOrCreateKey(file), await loadOrCreateKey(file)];
  assert.deepEqual(first, second);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await writeFile(file, "short");
  await assert.rejects(loadOrCreateKey(file), /not a directory key/);
});

test("a key is read as it is or in base64, and is never made in passing", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-key-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "directory.key");
  await assert.rejects(readKeys(file), {
    name: "UnusableKey",
    message: /cannot be read: ENOENT.*head -c 32/,
  });
  await writeFile(file, key);
  assert.deepEqual(await readKeys(file), [{ octets: key }]);
  await writeFile(file, `${key.toString("base64")}\n`);
  assert.deepEqual(await readKeys(file), [{ octets: key }]);
  await writeFile(file, key.toString("hex"));
  await assert.rejects(readKeys(file), { name: "UnusableKey", message: /has 64 octets/ });
});

test("secrets for other purposes: one per purpose and key, the same for all who hold the key", () => {
  const other = new Vault([randomBytes(32)]);
  assert.equal(vault.derive("salts").length, 32);
  assert.deepEqual(new Vault([key]).derive("salts"), vault.derive("salts"));
  assert.notDeepEqual(vault.derive("salts"), vault.derive("tokens"));
  assert.notDeepEqual(vault.derive("salts"), other.derive("salts"));
});

test("a namespace's key opens its namespace's records, and no others", () => {
  const team = new Vault([{ octets: namespaceKey(key, "team-a"), namespace: "team-a" }]);
  assert.equal(team.namespace, "team-a");
  assert.equal(team.open(vault.seal("secret", "r", "team-a"), "r", "team-a"), "secret");
  assert.equal(vault.open(team.seal("secret", "r", "team-a"), "r", "team-a"), "secret");
  const other = vault.seal("secret", "r", "team-b");
  assert.equal(team.open(other, "r", "team-b"), undefined);
  assert.equal(team.open(other, "r", "team-a"), undefined);
  assert.equal(team.keyIdOf("team-b"), undefined);
  assert.throws(() => team.seal("secret", "r", "team-b"), /no key for namespace team-b/);
});

test("of a replaced master key the namespaces' old records still open", () => {
  const next = randomBytes(32);
  const daemon = new Vault(
    [next, key].map((octets) => ({ octets: namespaceKey(octets, ns), namespace: ns })),
  );
  assert.equal(daemon.open(vault.seal("old", "r", ns), "r", ns), "old");
  assert.equal(daemon.open(new Vault([next]).seal("new", "r", ns), "r", ns), "new");
});

test("the file of a namespace's key says whose it is", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-key-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "directory.key");
  await writeFile(file, namespaceKeyText(key, "team-a"));
  assert.deepEqual(await readKeys(file), [{ octets: namespaceKey(key, "team-a"), namespace: "team-a" }]);
  await writeFile(file, "postfleet-namespace-key team-a short");
  await assert.rejects(readKeys(file), { name: "UnusableKey" });
});

test("keys that were added to the file are found when something is sealed with them, without a restart", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-key-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "directory.key");
  await writeFile(file, namespaceKeyText(key, ns));
  const daemon = new Vault(await readKeys(file), () => rereadKeys([file]));
  const next = randomBytes(32);
  const sealed = new Vault([next, key]).seal("new", "r", ns);
  await writeFile(file, namespaceKeyText(next, ns) + namespaceKeyText(key, ns));
  assert.equal(daemon.open(sealed, "r", ns), "new");
  assert.equal(daemon.open(vault.seal("old", "r", ns), "r", ns), "old");
  await rm(file);
  assert.equal(
    daemon.open({ ...sealed, k: "another" }, "r", ns),
    undefined,
    "a file that is away changes nothing",
  );
  assert.equal(daemon.open(sealed, "r", ns), "new");
});

test("keys that were replaced are overwritten in memory, and what they sealed opens by the new set", () => {
  const [old, next] = [randomBytes(32), randomBytes(32)];
  const publisher = new Vault([next]);
  const mine = Buffer.from(old);
  const daemon = new Vault([mine], () => [{ octets: Buffer.from(next) }, { octets: Buffer.from(old) }]);
  const before = new Vault([old]).seal("before", "r", ns);
  assert.equal(daemon.open(before, "r", ns), "before");
  assert.equal(daemon.open(publisher.seal("after", "r", ns), "r", ns), "after");
  assert.deepEqual(mine, Buffer.alloc(32));
  assert.equal(daemon.open(before, "r", ns), "before");
});
