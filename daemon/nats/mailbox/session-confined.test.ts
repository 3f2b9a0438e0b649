/** The same contract for a user who reaches the mailboxes of one namespace only. */
import { after, before } from "node:test";
import { sessionContract } from "../../../test/contract/mailbox-session.ts";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { purge } from "../../../test/harness/purge.ts";
import { operator, startTenantNats, type TenantNats, tenant } from "../../../test/harness/tenants.ts";
import type { Link } from "../connect.ts";
import { ensureNamespaceMailboxes } from "../installation.ts";

const namespace = "team-a";
let nats: TenantNats;
let owner: Link;
let link: Link;
before(async () => {
  nats = await startTenantNats([namespace]);
  owner = await nats.link(operator);
  link = await nats.link(tenant(namespace));
});
after(async () => {
  for (const each of [link, owner]) await each?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
});

sessionContract("JetStream, one namespace", async () => {
  await purge(owner, `M-${namespace}`);
  await ensureNamespaceMailboxes(owner, namespace, 1);
  return mailboxStore(link, { namespace });
});
