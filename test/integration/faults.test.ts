/** A small part of `make faults` that needs no root: enough to notice that a change has made kills dangerous. */
import { test } from "node:test";
import type { FaultOptions, Scenario } from "../faults/scenario.ts";
import { kills } from "../faults/scenarios/kills.ts";
import { mailboxRace } from "../faults/scenarios/mailbox-race.ts";
import { storeFull } from "../faults/scenarios/store-full.ts";

for (const scenario of [kills, storeFull, mailboxRace] satisfies Scenario[]) {
  test(`${scenario.about}: nothing is lost`, { timeout: 900_000 }, async (t) => {
    const progress = (line: string) => t.diagnostic(line);
    const options: FaultOptions = { kills: 8, cuts: 0, seed: 1, sync: "always", quick: true, progress };
    t.diagnostic(await scenario.run(options));
  });
}
