/** What an installation in a cluster sets aside, against a real nats-server of the smallest size that the guides show. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startNats } from "../../test/harness/nats-server.ts";
import { patient } from "../../test/harness/patient.ts";
import { silent } from "../kit/log.ts";
import { connectNats } from "./connect.ts";
import { ensureInstallation, ensureNamespaceMailboxes, unbounded } from "./installation.ts";
import { authConf, makeAuthority, mintCreds } from "./users/authority.ts";

/** The chart gives JetStream 80 % of a volume of 1Gi. */
const volume = Math.floor(0.8 * 2 ** 30);

test("everything fits a volume of 1Gi, by the server's bound and by the account's", async (t) => {
  const authority = makeAuthority();
  const auth = await authConf(authority, { storeOctets: volume });
  const nats = await startNats(t, { auth, maxStoreBytes: volume });
  const credential = { kind: "credsText", text: await mintCreds(authority, { kind: "operator" }) } as const;
  await using link = patient(await connectNats({ servers: [nats.url], credential, name: "test" }, silent));
  await ensureInstallation(link, unbounded(1));
  await ensureNamespaceMailboxes(link, "team", 1);
  const { reserved_storage: aside } = (await link.nc.request("$JS.API.INFO", "")).json<{
    readonly reserved_storage: number;
  }>();
  assert.ok(aside < volume, `${aside} octets are set aside`);
});
