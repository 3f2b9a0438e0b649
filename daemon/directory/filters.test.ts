import assert from "node:assert/strict";
import { test } from "node:test";
import type { Filter } from "../../crds/types.ts";
import { filterEntries } from "./filters.ts";

const given = (over: Partial<Filter>): Filter => ({
  name: "f",
  timeout: "30s",
  onFailure: "Defer",
  connections: 20,
  ...over,
});

const servers = [
  [
    { milter: { address: "Clam.svc:7357" } },
    "milter [clam.svc]:7357",
    { kind: "milter", host: "clam.svc", port: 7357 },
  ],
  [{ milter: { address: "[::1]:99" } }, "milter [::1]:99", { kind: "milter", host: "::1", port: 99 }],
  [{ milter: { address: "unix:/run/x" } }, "milter unix:/run/x", { kind: "milter", path: "/run/x" }],
  [
    { rspamd: { url: "http://r.svc:11333" } },
    "rspamd [r.svc]:11333",
    { kind: "rspamd", tls: false, host: "r.svc", port: 11333 },
  ],
  [
    { rspamd: { url: "https://r.svc" } },
    "rspamds [r.svc]:443",
    { kind: "rspamd", tls: true, host: "r.svc", port: 443 },
  ],
] as const satisfies readonly (readonly [Partial<Filter>, string, object])[];
for (const [over, id, server] of servers) {
  test(id, () => {
    const [entry] = filterEntries([given(over)]);
    assert.equal(entry?.id, id);
    assert.deepEqual(entry?.server, server);
    assert.equal(entry?.timeoutMs, 30_000);
  });
}

test("a field that means junk is compared without case", () => {
  const [entry] = filterEntries([
    given({ milter: { address: "c:1" }, junkField: "X-Virus-Status:  Infected " }),
  ]);
  assert.deepEqual(entry?.junkField, { name: "x-virus-status", value: "infected" });
});

test("what names no server leads nowhere, and is not passed over", () => {
  const entries = filterEntries([given({}), given({ milter: { address: "c:70000" } })]);
  assert.deepEqual(
    entries.map(({ server }) => server),
    [{ kind: "nowhere" }, { kind: "nowhere" }],
  );
  assert.deepEqual(filterEntries(undefined), []);
});
