/** The operator's way to a NATS that speaks TLS, from the Secrets of the release namespace on. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { anInstallation } from "../../test/harness/installation.ts";
import { operator, startTenantNats } from "../../test/harness/tenants.ts";
import type { KeyFiles } from "./authority.ts";
import { bootstrap, type HomeSecrets, MissingSecret } from "./bootstrap.ts";
import { openStore } from "./open.ts";

const world = await startTenantNats([], true);
after(() => world[Symbol.asyncDispose]());
const env = await world.env(operator);
const nats = {
  mode: "External",
  urls: [world.nats.url],
  replicas: 1,
  routes: [],
  credentialsSecret: "nats-user",
  caSecret: "nats-ca",
} as const;

/** The release namespace: what a user gave, and what is made. */
async function home(): Promise<HomeSecrets> {
  const file = (path: string | undefined) => readFile(path ?? "");
  const secrets = new Map<string, KeyFiles>([
    ["nats-user", new Map([["user.creds", await file(env["NATS_CREDS"])]])],
    ["nats-ca", new Map([["ca.crt", await file(env["NATS_CA"])]])],
  ]);
  return {
    read: async (name) => secrets.get(name),
    makeKeys: async (files) => {
      const made = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const);
      secrets.set("mail-keys", new Map(made));
    },
    putNatsAuth: async () => {},
    keepUsers: async () => {},
  };
}

test("it trusts the authority that the daemons are told to trust, and makes the streams", async () => {
  const { credential, ca, directoryKeys } = await bootstrap(anInstallation({ nats }), [], await home());
  assert.ok(ca !== undefined, "the authority's certificate");
  await using store = await openStore({
    servers: nats.urls,
    credential,
    ca,
    directoryKeys,
    replicas: 1,
    placement: "Shared",
    clock: systemClock,
    log: silent,
    signal: AbortSignal.timeout(120_000),
    assert: () => {},
  });
  assert.ok(store.isUp());
});

test("a Secret that is not there is named", async () => {
  const missing = anInstallation({ nats: { ...nats, caSecret: "other-ca" } });
  await assert.rejects(bootstrap(missing, [], await home()), (error: unknown) => {
    assert.ok(error instanceof MissingSecret);
    assert.match(error.message, /no Secret other-ca with ca\.crt/);
    return true;
  });
});
