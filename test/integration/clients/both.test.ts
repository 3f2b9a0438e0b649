/**
 * Clients that others wrote, by the same scripts against Dovecot and against a real daemon of ours.
 */
import { after, before, describe, test } from "node:test";
import { needs } from "../../harness/programs.ts";
import { curl } from "./curl.ts";
import { fetchmail } from "./fetchmail.ts";
import { imapflow } from "./imapflow.ts";
import { mbsync } from "./mbsync.ts";
import { mutt } from "./mutt.ts";
import { imaplib, poplib } from "./python.ts";
import { candidates, type Target } from "./target.ts";

interface Client {
  readonly name: string;
  readonly programs: readonly string[];
  readonly pop3?: true;
  run(target: Target, user: string): Promise<void>;
}

const clients: readonly Client[] = [
  { name: "mbsync, two ways, twice", programs: ["mbsync"], run: mbsync },
  {
    name: "fetchmail by POP3",
    programs: ["fetchmail"],
    pop3: true,
    run: (t, user) => fetchmail(t, user, "POP3"),
  },
  { name: "fetchmail by IMAP", programs: ["fetchmail"], run: (t, user) => fetchmail(t, user, "IMAP") },
  { name: "curl", programs: ["curl"], pop3: true, run: curl },
  { name: "mutt on a terminal", programs: ["mutt", "tmux"], run: mutt },
  { name: "imapflow", programs: [], run: imapflow },
  { name: "Python's imaplib", programs: ["python3"], run: imaplib },
  { name: "Python's poplib", programs: ["python3"], pop3: true, run: poplib },
];
const userOf = (n: number) => `client${n}@home.example`;

for (const { name, missing, open } of candidates)
  describe(name, { skip: missing }, () => {
    let target: Target;
    before(async () => {
      target = await open(clients.map((_, n) => userOf(n)));
    });
    after(() => target?.[Symbol.asyncDispose]());

    for (const [n, client] of clients.entries())
      test(`${client.name} against ${name}`, {
        ...needs(...client.programs),
        timeout: 300_000,
      }, async (t) => {
        if (client.pop3 && target.pop3 === 0) return t.skip("its POP3 package is not installed");
        await client.run(target, userOf(n));
      });
  });
