/**
 * Many small messages as fast as they are taken, each with an id and a recipient of its own.
 *
 * Out:    a function that tells how many of them have reached the sink.
 * Fails:  when one is not accepted.
 */
import assert from "node:assert/strict";
import { Connection } from "../../faults/client.ts";
import type { Ledger, Told } from "../../faults/ledger.ts";
import { compose } from "../../faults/message.ts";
import { senderMailbox } from "../../faults/mix.ts";
import { host, smtpPort } from "./installation.ts";

const CONNECTIONS = 32;

export async function inject(ledger: Ledger, run: string, count: number): Promise<() => number> {
  let next = 0;
  const send = async (connection: Connection, n: number): Promise<Told> => {
    const id = `${run}-${n}`;
    const address = `ok-${id}@one.test`;
    const sent = ledger.begin(id, [{ address, fate: "sink" }]);
    const told = await connection.send(senderMailbox, [address], compose(id, senderMailbox, 500));
    Object.assign(sent, { told, at: performance.now() });
    return told;
  };
  const work = async () => {
    let connection = await Connection.open(smtpPort, { host });
    while (next < count) {
      const told = await send(connection, next++);
      assert.deepEqual(told, { kind: "accepted" });
      if (!connection.usable) connection = await Connection.open(smtpPort, { host });
    }
    await connection.quit();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return () => new Set(ledger.copies.filter(({ id }) => id.startsWith(`${run}-`)).map(({ id }) => id)).size;
}
