import assert from "node:assert/strict";
import { test } from "node:test";
import type { Filter } from "../../crds/types.ts";
import { filterEntries as entriesOf } from "./filters.ts";

const filterEntries = (filters: readonly Filter[] | undefined, namespace = "team", secrets = {}) =>
  entriesOf(filters, { namespace, secrets });

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

const rspamd = (over: Partial<Filter["rspamd"]>) =>
  given({ rspamd: { url: "https://r.svc:11334", ...over } });
const ref = (name: string, key = "password") => ({ passwordSecretRef: { name, key } });

test("who asks with another password, or trusts others, asks for itself; nothing of either is in the name", () => {
  const one = ["team", rspamd({ ...ref("r"), serverName: "R.test", caBundle: "PEM" })] as const;
  const others: readonly (readonly [string, Filter])[] = [
    ["team", rspamd({})],
    ["team", rspamd({ ...ref("s"), serverName: "r.test", caBundle: "PEM" })],
    ["team", rspamd({ ...ref("r", "other"), serverName: "r.test", caBundle: "PEM" })],
    ["team", rspamd({ ...ref("r"), serverName: "s.test", caBundle: "PEM" })],
    ["team", rspamd({ ...ref("r"), serverName: "r.test", caBundle: "MEP" })],
    ["rivals", rspamd({ ...ref("r"), serverName: "r.test", caBundle: "PEM" })],
  ];
  const idOf = ([namespace, filter]: readonly [string, Filter], secrets = {}) =>
    filterEntries([filter], namespace, secrets)[0]?.id ?? assert.fail();
  const ids = [one, ...others].map((each) => idOf(each));
  assert.equal(new Set(ids).size, ids.length);
  assert.match(ids[0] ?? "", /^rspamds \[r\.svc\]:11334 #[\w-]{43}$/);
  assert.equal(idOf(["team", rspamd({ ...ref("r"), serverName: "r.test", caBundle: "PEM" })]), ids[0]);
  // The operator, which knows no passwords, calls it the same.
  assert.equal(idOf(one, { "r/password": "pw" }), ids[0]);
});

test("a password that is there, and one that is not", () => {
  const passwordOf = (secrets: object) => {
    const [entry] = filterEntries([rspamd(ref("r"))], "team", secrets);
    return entry?.server.kind === "rspamd" && entry.server.password;
  };
  assert.deepEqual(passwordOf({ "r/password": "pw" }), { text: "pw" });
  assert.equal(passwordOf({ "r/other": "pw" }), "missing");
  assert.equal(passwordOf({ "r/password": "a\nb" }), "missing");
});
