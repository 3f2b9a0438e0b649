import assert from "node:assert/strict";
import { test } from "node:test";
import { Account, differences, place, type Shown } from "./race/account.ts";

const shown = (folder: string, uid: number, name: string): Shown => ({
  folder,
  uid,
  name,
  flags: "",
  modseq: 1,
});
const inbox = (uid: number) => place("INBOX", uid);
const trash = (uid: number) => place("Trash", uid);

const cases: readonly [string, (account: Account) => void, readonly Shown[], RegExp | undefined][] = [
  ["an append that is there", (a) => a.appended("m", inbox(1)), [shown("INBOX", 1, "m")], undefined],
  ["an append that is lost", (a) => a.appended("m", inbox(1)), [], /^lost: INBOX 1/],
  ["an append that nobody heard of", (a) => a.perhapsMade("m"), [], undefined],
  [
    "an append that came twice",
    (a) => a.perhapsMade("m"),
    [shown("INBOX", 1, "m"), shown("INBOX", 2, "m")],
    /^doubled: m/,
  ],
  [
    "a move that nobody heard of, half done",
    (a) => {
      a.appended("m", inbox(1));
      a.moving(inbox(1));
    },
    [shown("INBOX", 1, "m"), shown("Trash", 1, "m")],
    /^doubled: m/,
  ],
  [
    "a move that nobody heard of, half done the other way",
    (a) => {
      a.appended("m", inbox(1));
      a.moving(inbox(1));
    },
    [],
    /^lost: m/,
  ],
  [
    "a move",
    (a) => {
      a.appended("m", inbox(1));
      a.moving(inbox(1));
      a.moved(inbox(1), trash(7));
    },
    [shown("Trash", 7, "m")],
    undefined,
  ],
  [
    "an expunged message that came back",
    (a) => {
      a.appended("m", inbox(1));
      a.expunging(inbox(1));
      a.expunged(inbox(1));
    },
    [shown("INBOX", 1, "m")],
    /^still there/,
  ],
  [
    "a UID that is given twice",
    (a) => {
      a.appended("m", inbox(1));
      a.appended("n", inbox(1));
    },
    [shown("INBOX", 1, "m"), shown("INBOX", 2, "n")],
    /^INBOX 1 was given to two/,
  ],
  ["a message from nowhere", () => {}, [shown("INBOX", 1, "m")], /made by nobody/],
  [
    "a copy",
    (a) => {
      a.appended("m", inbox(1));
      a.copied(inbox(1), trash(1));
    },
    [shown("INBOX", 1, "m"), shown("Trash", 1, "m")],
    undefined,
  ],
];
for (const [name, happened, found, fault] of cases)
  test(`the account of a race: ${name}`, () => {
    const account = new Account();
    happened(account);
    const faults = account.check(found);
    if (fault) assert.match(faults[0] ?? "nothing was found", fault);
    else assert.deepEqual(faults, []);
  });

test("replicas that differ in a flag differ", () => {
  const one = shown("INBOX", 1, "m");
  assert.deepEqual(differences([one], [one]), []);
  assert.equal(differences([one], [{ ...one, flags: "\\Seen" }]).length, 2);
});
