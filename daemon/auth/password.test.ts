import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePhc, passwordFault } from "../../crds/password.ts";
import { systemClock } from "../kit/clock.ts";
import {
  type Cost,
  defaultCost,
  fitting,
  groupsOf,
  hashPassword,
  PasswordVerifier,
  type VerifierOptions,
} from "./password.ts";

/** As little as argon2id allows: these tests are about what is around it. */
const cheap: Cost = { memory: 8, passes: 1, parallelism: 1 };

test("a password fits its hash, and no other", async () => {
  const hash = await hashPassword("correct-horse", cheap);
  assert.match(hash, /^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await fitting("correct-horse", [hash]), 0);
  assert.equal(await fitting("correct-hors", [hash]), -1);
  assert.equal(await fitting("", [hash]), -1);
  assert.equal(await fitting("x".repeat(5_000), [hash]), -1);
  assert.notEqual(await hashPassword("correct-horse", cheap), hash);
});

test("new hashes cost 19 MiB, two passes, one lane", async () => {
  const parsed = parsePhc(await hashPassword("x"));
  assert.deepEqual({ ...parsed, salt: 16, hash: 32 }, { ...defaultCost, salt: 16, hash: 32 });
  assert.deepEqual(defaultCost, { memory: 19 * 1024, passes: 2, parallelism: 1 });
});

test("a hash of another program is understood", async () => {
  // The reference implementation: echo -n password | argon2 somesalt -id -v 13 -t 2 -m 16 -p 1 -l 32
  const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  assert.equal(await fitting("password", [hash]), 0);
  assert.equal(await fitting("Password", [hash]), -1);
});

test("composed and decomposed letters are the same password", async () => {
  assert.equal(await fitting("Gru\u0308n", [await hashPassword("Gr\u00fcn", cheap)]), 0);
});

const values = [
  ["an ordinary password", "correct-horse-battery", true],
  ["one that begins with a dollar", "$ecret", true],
  ["one with dollars inside", "a$b$c$d", true],
  [
    "an argon2id hash",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    true,
  ],
  [
    "an argon2id hash with a SCRAM verifier",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\n" +
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    true,
  ],
  [
    "an argon2id hash with something else",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc SCRAM-SHA-256$1:a$b:c",
    false,
  ],
  ["a damaged hash", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", false],
  [
    "a hash that takes 4 GiB",
    "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
    false,
  ],
  ["a hash without passes", "$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", false],
  ["bcrypt", "$2y$10$abcdefghijklmnopqrstuv", false],
  ["SHA-512 crypt", "$6$salt$abcdefgh", false],
  ["argon2i", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXP", false],
  ["yescrypt", "$y$j9T$c2FsdHNhbHQ$hashhashhash", false],
  ["phpass", "$P$B55D6LjfHDkINU5wF.v2BuuzO0/XPk/", false],
  ["PBKDF2 of passlib", "$pbkdf2-sha256$29000$c2FsdA$aGFzaA", false],
  ["PBKDF2 of Django", "pbkdf2_sha256$260000$salt$aGFzaA==", false],
  ["LDAP SSHA", "{SSHA}abcdefghijklmnop", false],
  ["Dovecot's bcrypt", "{blf-crypt}$2y$05$abcdefghijklmnop", false],
  ["a SCRAM verifier alone", "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm=:wfPLwcE6=", false],
  ["braces in a password", "{ab} and more words", true],
  ["hexadecimal digits", "5f4dcc3b5aa765d61d8327deb882cf99", true],
] as const;

for (const [name, value, good] of values) {
  test(`${name} is ${good ? "taken" : "refused"}`, () =>
    good
      ? assert.equal(passwordFault(value), undefined)
      : assert.match(passwordFault(value) ?? "", /argon2id/));
}

/** A verifier that tells which hashes it computed with. */
function watched(options: Partial<VerifierOptions> = {}) {
  const computed: string[] = [];
  const compute: typeof fitting = (password, phcs) => {
    computed.push(...phcs);
    return fitting(password, phcs);
  };
  return { verifier: new PasswordVerifier({ clock: systemClock, compute, ...options }), computed };
}

test("a right password is remembered until its time is over, a wrong one never is", async () => {
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  const { verifier, computed } = watched({ clock, rememberMs: 1_000 });
  const hash = await hashPassword("right", cheap);
  const steps = [
    { at: 0, password: "right", want: true, computed: 1 },
    { at: 999, password: "right", want: true, computed: 1 },
    { at: 999, password: "wrong", want: false, computed: 2 },
    { at: 999, password: "wrong", want: false, computed: 3 },
    { at: 1_000, password: "right", want: true, computed: 4 },
  ];
  for (const step of steps) {
    now = step.at;
    assert.equal((await verifier.verify([hash], step.password)) >= 0, step.want);
    assert.equal(computed.length, step.computed, JSON.stringify(step));
  }
});

test("a changed password is forgotten at once", async () => {
  const verifier = new PasswordVerifier({ clock: systemClock });
  assert.equal(await verifier.verify([await hashPassword("old", cheap)], "old"), 0);
  const changed = await hashPassword("new", cheap);
  assert.equal(await verifier.verify([changed], "old"), -1);
  assert.equal(await verifier.verify([changed], "new"), 0);
});

test("an unknown user is refused after as much work as a known one", async () => {
  const { verifier, computed } = watched();
  assert.equal(await verifier.verify([], "anything"), -1);
  const { memory, passes, parallelism } = parsePhc(computed[0] ?? "") ?? assert.fail("nothing was computed");
  assert.deepEqual({ memory, passes, parallelism }, defaultCost);
});

test("what is remembered is bounded", async () => {
  const { verifier, computed } = watched({ remembered: 2 });
  const hash = await hashPassword("right", cheap);
  const other = await hashPassword("right", cheap);
  const third = await hashPassword("right", cheap);
  for (const one of [hash, other, third, hash]) await verifier.verify([one], "right");
  assert.deepEqual(computed, [hash, other, third, hash]);
});

test("sessions that come at once with the same password share one computation", async () => {
  const { verifier, computed } = watched();
  const hash = await hashPassword("right", cheap);
  const answers = await Promise.all(Array.from({ length: 50 }, () => verifier.verify([hash], "right")));
  assert.deepEqual(new Set(answers), new Set([0]));
  assert.equal(computed.length, 1);
});

test("a crowd waits in line, and beyond the line it is turned away", async () => {
  const verifier = new PasswordVerifier({ clock: systemClock, threads: 2, waiting: 10 });
  const hash = await hashPassword("right", cheap);
  const tries = Array.from({ length: 20 }, (_, i) => verifier.verify([hash], `guess ${i}`));
  const ends = await Promise.allSettled(tries);
  assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 12);
  const refused = ends.find((end) => end.status === "rejected");
  assert.match(String(refused?.reason), /too many logins wait/);
  assert.equal(await verifier.verify([hash], "right"), 0, "afterwards there is room again");
});

test("one computation compares with all hashes of one salt, others cost one each", async () => {
  const { verifier, computed } = watched();
  const salt = Buffer.alloc(16, 1);
  const hashes = [
    await hashPassword("own", cheap, salt),
    await hashPassword("phone", cheap, salt),
    await hashPassword("laptop", cheap),
  ];
  assert.deepEqual(groupsOf([...hashes, "damaged"]), [[0, 1], [2]]);
  assert.equal(await verifier.verify(hashes, "phone", 2), 1);
  assert.equal(computed.length, 2, "the two of the first group, at once");
  assert.equal(await verifier.verify(hashes, "laptop", 2), 2);
  assert.equal(await verifier.verify(hashes, "none", 2), -1);
});

test("whoever has fewer hashes is refused after as many computations as others need", async () => {
  const { verifier, computed } = watched({ cost: cheap });
  assert.equal(await verifier.verify([], "x", 3), -1);
  assert.equal(await verifier.verify([await hashPassword("right", cheap)], "wrong", 3), -1);
  assert.equal(computed.length, 6);
});
