/** Keys, the server's part, and creds, against a real nats-server. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect, credsAuthenticator } from "@nats-io/transport-node";
import { startNats } from "../../../test/harness/nats-server.ts";
import { until } from "../../../test/harness/until.ts";
import { authConf, makeAuthority, mintCreds, termsIn, userOf, withTerms } from "./authority.ts";
import { namespaceOf } from "./creds.ts";

const authority = makeAuthority();

async function client(t: TestContext, url: string, creds: string) {
  const nc = await connect({
    servers: url,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    reconnect: false,
  });
  t.after(() => nc.close());
  return nc;
}

test("users that the authority made come in, others do not; revoked ones no longer", async (t) => {
  const nats = await startNats(t, { auth: await authConf(authority) });
  const creds = await mintCreds(authority, { kind: "shared" });
  const nc = await client(t, nats.url, creds);
  assert.ok((await nc.request("$JS.API.INFO", "")).data.length > 0, "JetStream is there");
  const stranger = await mintCreds(makeAuthority(), { kind: "shared" });
  await assert.rejects(client(t, nats.url, stranger), /Authorization Violation/i);
  const revoked = { [userOf(creds) as string]: Math.ceil(Date.now() / 1_000) + 1 };
  await nats.restart({ auth: await withTerms(await authConf(authority), authority, { revoked }) });
  await assert.rejects(client(t, nats.url, creds), /Authorization Violation/i);
  await client(t, nats.url, await mintCreds(authority, { kind: "shared" }));
});

test("a user who is revoked while the server runs is cut off; others stay", async (t) => {
  const before = await authConf(authority);
  const nats = await startNats(t, { auth: before });
  const creds = await mintCreds(authority, { kind: "namespace", namespace: "team-a" });
  const other = await client(t, nats.url, await mintCreds(authority, { kind: "shared" }));
  const nc = await client(t, nats.url, creds);
  const closed = nc.closed();
  const revoked = { [userOf(creds) as string]: Math.ceil(Date.now() / 1_000) };
  const auth = await withTerms(before, authority, { revoked });
  assert.deepEqual(termsIn(auth).revoked, revoked);
  await nats.reload({ auth });
  await closed;
  await assert.rejects(client(t, nats.url, creds), /Authorization Violation/i);
  assert.ok((await other.request("$JS.API.INFO", "")).data.length > 0);
});

test("terms can be read from the configuration alone", async () => {
  const none = { revoked: {}, storeOctets: undefined };
  assert.deepEqual(termsIn(await authConf(authority)), none);
  assert.deepEqual(termsIn("resolver: MEMORY\n"), none);
  assert.deepEqual(termsIn(`${"A".padEnd(56, "B")}: rubbish`), none);
  const bounded = await authConf(authority, { storeOctets: 5e9 });
  assert.deepEqual(termsIn(bounded), { revoked: {}, storeOctets: 5e9 });
  const twice = await withTerms(await withTerms(bounded, authority, { revoked: { UA: 1 } }), authority, {
    revoked: { UB: 2 },
    storeOctets: 6e9,
  });
  assert.deepEqual(termsIn(twice), { revoked: { UB: 2 }, storeOctets: 6e9 });
  await assert.rejects(withTerms(twice, makeAuthority(), {}), /does not name our account/);
});

test("the account is held to its share of the disks, and told so; the bound may change while the server runs", async (t) => {
  const before = await authConf(authority, { storeOctets: 64 << 20 });
  const nats = await startNats(t, { auth: before });
  const nc = await client(t, nats.url, await mintCreds(authority, { kind: "shared" }));
  const bound = async () => {
    const answer = await nc.request("$JS.API.INFO", "");
    return answer.json<{ limits: { max_storage: number } }>().limits.max_storage;
  };
  assert.equal(await bound(), 64 << 20);
  await nats.reload({ auth: await withTerms(before, authority, { storeOctets: 128 << 20 }) });
  await until("the other bound", async () => (await bound()) === 128 << 20 || undefined);
});

test("daemons may not end streams", async (t) => {
  const nats = await startNats(t, { auth: await authConf(authority) });
  const nc = await client(t, nats.url, await mintCreds(authority, { kind: "shared" }));
  await assert.rejects(nc.request("$JS.API.STREAM.DELETE.Q0", ""), /Permissions Violation/i);
});

test("creds tell whose they are", async () => {
  const creds = await mintCreds(authority, { kind: "namespace", namespace: "team-a" });
  assert.equal(namespaceOf(creds), "team-a");
  assert.equal(namespaceOf(await mintCreds(authority, { kind: "shared" })), undefined);
  assert.deepEqual([namespaceOf("rubbish"), userOf("rubbish")], [undefined, undefined]);
});
