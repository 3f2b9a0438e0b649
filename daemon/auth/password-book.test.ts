import assert from "node:assert/strict";
import { test } from "node:test";
import { fitsVerifier } from "../../test/harness/scram-client.ts";
import type { DeclaredKey } from "../directory/declared.ts";
import { parseScramVerifier } from "../kit/scram-verifier.ts";
import { fitting, groupsOf } from "./password.ts";
import { PasswordBook } from "./password-book.ts";

const cheap = { memory: 8, passes: 1, parallelism: 1, iterations: 4_096 };
const key = "Mailbox/default/alice" as DeclaredKey;
const hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const scram =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const passwords = {
  main: "own password",
  apps: [
    { name: "phone", password: "phone password" },
    { name: "hashed", password: hash },
    { name: "laptop", password: "laptop password" },
  ],
};

const make = (given: typeof passwords | { main?: string; apps: [] } = passwords, inForce = {}) =>
  new PasswordBook(cheap).secrets(key, given, inForce);

test("all plain passwords of a mailbox share a salt, for hashes and verifiers", async () => {
  const { passwordHash = "", scram: own = "", appPasswords = [] } = await make();
  const hashes = [passwordHash, ...appPasswords.map((app) => app.hash)];
  assert.deepEqual(groupsOf(hashes), [[0, 1, 3], [2]]);
  const plain = [passwordHash, appPasswords[0]?.hash ?? "", appPasswords[2]?.hash ?? ""];
  assert.equal(await fitting("laptop password", plain), 2);
  assert.equal(await fitting("own password", plain), 0);
  assert.equal(appPasswords[1]?.hash, hash);
  assert.equal(appPasswords[1]?.scram, undefined);
  const [mine, phone] = [own, appPasswords[0]?.scram ?? ""].map(
    (text) => parseScramVerifier(text) ?? assert.fail(),
  );
  assert.ok(mine && phone && mine.salt.equals(phone.salt));
  assert.equal(await fitsVerifier("phone password", phone), true);
});

test("what is in force stays while it fits; what is new joins its salt", async () => {
  const first = await make();
  assert.deepEqual(await make(passwords, first), first);
  const changed = await make({ ...passwords, main: "another" }, first);
  assert.deepEqual(changed.appPasswords, first.appPasswords);
  assert.notEqual(changed.passwordHash, first.passwordHash);
  assert.equal(groupsOf([changed.passwordHash ?? "", first.passwordHash ?? ""]).length, 1);
  assert.equal(await fitting("another", [changed.passwordHash ?? ""]), 0);
});

test("nothing for nobody; a verifier beside a hash is taken over", async () => {
  assert.deepEqual(await make({ apps: [] }), {});
  assert.deepEqual(await make({ main: `${hash}\n${scram}`, apps: [] }), { passwordHash: hash, scram });
  assert.deepEqual(await make({ main: hash, apps: [] }), { passwordHash: hash });
});
