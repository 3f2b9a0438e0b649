/** The tools of the fault tests against each other: what the load was told is what the sink took. */
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { diceFrom } from "./chance.ts";
import { Connection } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { Load } from "./load.ts";
import { compose } from "./message.ts";
import { Mix } from "./mix.ts";
import { reconcile } from "./reconcile.ts";
import { Sink } from "./sink.ts";

test("a load straight into the sink: what is accepted is there, once and whole", async () => {
  const ledger = new Ledger();
  await using sink = await new Sink(ledger).listen();
  const load = new Load({
    port: sink.port,
    ledger,
    mix: new Mix(diceFrom(1), "t"),
    connections: 4,
    rate: 2_000,
  });
  while (ledger.sent.size < 200) await new Promise((resolve) => setImmediate(resolve));
  await load.stop();
  const { accepted, refused, unknown, unsent, duplicates, damaged, phantoms } = reconcile({
    ledger,
    filed: new Map(),
    reported: [],
  });
  assert.equal(accepted + refused, ledger.sent.size);
  assert.ok(accepted > 100 && refused > 0, "some recipients are refused, or deferred at first");
  assert.deepEqual({ unknown, unsent, phantoms }, { unknown: 0, unsent: 0, phantoms: [] });
  assert.deepEqual({ duplicates, damaged }, { duplicates: [], damaged: [] });
  for (const { id, told, expected } of ledger.sent.values()) {
    const copies = ledger.copies.filter((copy) => copy.id === id).map(({ address }) => address);
    const wanted = told?.kind === "accepted" ? expected.map(({ address }) => address) : [];
    assert.deepEqual(copies, wanted, id);
  }
});

test("the sink defers once, refuses for good, and defers all while told to", async () => {
  await using sink = new Sink(new Ledger());
  const codes = (address: string) => sink.judge(address).slice(0, 3);
  assert.deepEqual(
    [codes("late-1@a.test"), codes("late-1@a.test"), codes("late-2@a.test")],
    ["451", "250", "451"],
  );
  assert.deepEqual([codes("bad-1@a.test"), codes("ok-1@a.test")], ["550", "250"]);
  sink.deferring = true;
  assert.deepEqual(
    [codes("bad-1@a.test"), codes("ok-1@a.test"), codes("late-1@a.test")],
    ["550", "451", "451"],
  );
});

const CUT = ", and cut";

/** A server that says its lines one after another, whatever it hears, then cuts. */
async function scripted(...lines: string[]): Promise<{ port: number; close(): void }> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.write(`${lines[0]}\r\n`);
    let n = 1;
    socket.on("data", () => {
      const line = lines[n++];
      if (line === undefined) socket.destroy();
      else if (line.endsWith(CUT)) socket.end(`${line.slice(0, -CUT.length)}\r\n`);
      else socket.write(`${line}\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}

const endings = [
  {
    name: "250 after the dot",
    lines: ["250 a\r\n250 b\r\n354 go", "250 queued"],
    want: { kind: "accepted" },
  },
  { name: "a cut after the dot", lines: ["250 a\r\n250 b\r\n354 go"], want: { kind: "unknown" } },
  { name: "a cut before the dot", lines: [], want: { kind: "unsent" } },
  { name: "a cut between two answers", lines: [`250 a${CUT}`], want: { kind: "unsent" } },
  {
    name: "a refusal after the dot",
    lines: ["250 a\r\n250 b\r\n354 go", "451 4.3.0 later"],
    want: { kind: "refused", reply: "451 4.3.0 later", complete: true },
  },
  {
    name: "a refused sender",
    lines: ["452 full\r\n503 no\r\n503 no", "250 reset"],
    want: { kind: "refused", reply: "452 full", complete: false },
  },
  {
    name: "a refused recipient although DATA is welcome",
    lines: ["250 a\r\n550 no\r\n354 go"],
    want: { kind: "refused", reply: "550 no", complete: false },
  },
] as const;

for (const { name, lines, want } of endings) {
  test(`the client knows after ${name}`, async () => {
    const server = await scripted("220 hello", "250-x\r\n250 y", ...lines);
    const connection = await Connection.open(server.port);
    const told = await connection.send("a@b.test", ["c@d.test"], compose("i", "a@b.test", 100));
    assert.deepEqual(told, want);
    const lastWords =
      name === "250 after the dot" || name.startsWith("a refusal") || name === "a refused sender";
    assert.equal(connection.usable, lastWords);
    connection.close();
    server.close();
  });
}
