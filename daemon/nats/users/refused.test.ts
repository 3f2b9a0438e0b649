/**
 * What a namespace's user cannot do, against a real nats-server that knows only the operator's signature: every way to another
 * namespace's subjects that we know of.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Msg } from "@nats-io/transport-node";
import { startTenants } from "../../../test/harness/tenants.ts";
import { newMessageId } from "../../queue/ids.ts";

const world = await startTenants("default", { mailboxes: true });
after(() => world[Symbol.asyncDispose]());
const { own } = world;

const other = "team-b";
const create = (stream: string, filter: string) =>
  `$JS.API.CONSUMER.CREATE.${stream}.${newMessageId(1)}${filter}`;
/** Subjects a confined user may not publish to, whatever the payload. */
const forbidden: readonly string[] = [
  `q0.relay.${other}.default.1.m.0`,
  `q0.local.${other}.default.1.m.0`,
  `own.${other}.relay-default.p.1`,
  "own._.relay-_.p.1",
  "own._.layout",
  `events.${other}.x`,
  "events.team-b.accepted",
  `hooks.${other}.policy:default:crm.place._`,
  `hookwait.${other}.policy:default:crm.again.evt_1`,
  `hookdead.${other}.policy:default:crm.dead.evt_1`,
  `own.${other}.hooks.lease._`,
  `$JS.API.DIRECT.GET.OWN.own.${other}.hooks.lease._`,
  `$JS.API.DIRECT.GET.HOOKS.hooks.${other}.policy:default:crm.place._`,
  `$JS.API.DIRECT.GET.HOOKDEAD.hookdead.${other}.policy:default:crm.dead.evt_1`,
  "$KV.directory.revision",
  "$KV.directory.policy.default.default",
  `$KV.directory.policy.${other}.default`,
  `$KV.acks.${other}.m`,
  "$KV.acks._.m",
  `answers.${other}.q`,
  `figures.relay.${other}.default`,
  `figures.inquiry.${other}.all`,
  "figures.inquiry._.all",
  `logins.${other}`,
  "logins._",
  `reports.${other}.dmarc.2026-11-28.page.x`,
  `reports.${other}.tls.2026-11-28.round`,
  `$JS.API.DIRECT.GET.REPORTS.reports.${other}.dmarc.2026-11-28.round`,
  `suppressed.${other}.x`,
  "suppressed.default.x.y",
  `counts.${other}`,
  "counts._",
  "counts._.ask",
  `grey.${other}.x`,
  "grey._.x",
  `$JS.API.DIRECT.GET.GREY.grey.${other}.x`,
  "m0.m.alice@example.test",
  `m-${other}.m.alice@example.test`,
  `$JS.API.DIRECT.GET.Q0.q0.relay.${other}.default.1.m.0`,
  `$JS.API.DIRECT.GET.OWN.own.${other}.relay-default.p.1`,
  "$JS.API.DIRECT.GET.M0.m0.m.alice@example.test",
  ...[
    "Q0",
    "B0",
    "OWN",
    "EVENTS",
    "HOOKS",
    "HOOKWAIT",
    "HOOKDEAD",
    "KV_directory",
    "KV_acks",
    "LOGINS",
    "REPORTS",
    "SUPPRESSED",
    "GREY",
    "M0",
    `M-${other}`,
  ].flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.STREAM.PURGE.${stream}`,
    create(stream, ""),
    create(stream, ".>"),
    `$JS.API.CONSUMER.NAMES.${stream}`,
    `$JS.API.CONSUMER.INFO.${stream}.x`,
    `$JS.API.CONSUMER.DELETE.${stream}.x`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.x`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.x`,
  ]),
  ...["Q0", "M-default"].flatMap((stream) =>
    ["CREATE", "UPDATE", "DELETE", "MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE"].map(
      (call) => `$JS.API.STREAM.${call}.${stream}`,
    ),
  ),
  "$JS.API.STREAM.CREATE.MINE",
  "$JS.API.STREAM.NAMES",
  "$JS.API.STREAM.LIST",
  `${create("Q0", `.q0.*.${other}.>`)}`,
  create("Q0", ".q0.*.*.>"),
  create("Q0", ".q0.relay.*.default.>"),
  create("B0", ".b0.>"),
  create("OWN", ".own.>"),
  create("EVENTS", `.events.${other}.*`),
  create("HOOKS", `.hooks.${other}.*.*.*`),
  create("HOOKS", ".hooks.*.*.*.*"),
  create("HOOKWAIT", `.hookwait.${other}.*.*.*`),
  create("HOOKDEAD", ".hookdead.*.*.*.*"),
  create("OWN", ".own.*.hooks.lease._"),
  create("REPORTS", `.reports.${other}.*.*.round`),
  create("REPORTS", ".reports.*.*.*.round"),
  create("SUPPRESSED", ".suppressed.>"),
  create("SUPPRESSED", ".suppressed.*.*"),
  create("SUPPRESSED", `.suppressed.${other}.*`),
  create("KV_directory", ".$KV.directory.>"),
  create("KV_directory", `.$KV.directory.*.${other}.*`),
  "$SYS.REQ.SERVER.PING",
];

for (const subject of forbidden)
  test(`refused: ${subject.replace(/\.[0-9a-z]{26}/, ".NAME")}`, async () => {
    await assert.rejects(own.nc.request(subject, "{}", { timeout: 10_000 }), /Permissions Violation/);
  });

for (const subject of [
  ">",
  "_INBOX.>",
  `_INBOX.${other}.>`,
  "figures.>",
  `figures.relay.${other}.*`,
  `answers.${other}.*`,
  "answers.>",
  "q0.>",
  `q0.relay.${other}.>`,
  "b0.>",
  `logins.${other}`,
  `suppressed.${other}.*`,
  `counts.${other}`,
  "counts._",
  "grey.>",
  "$KV.directory.>",
  "$JS.API.>",
  "$SYS.>",
])
  test(`refused: listening to ${subject}`, async () => {
    const refused = Promise.withResolvers<Error>();
    const heard = (error: Error | null) => error && refused.resolve(error);
    own.nc.subscribe(subject, { callback: heard as (error: Error | null, msg: Msg) => void });
    assert.match((await refused.promise).message, /Permissions Violation/);
  });

test("a consumer whose payload names another filter than its subject is refused", async () => {
  const name = newMessageId(1);
  for (const more of [
    { filter_subject: `q0.*.${other}.>` },
    { filter_subjects: ["q0.*.default.>", "q0.>"] },
  ]) {
    const config = { name, deliver_subject: own.inbox(), ack_policy: "none", ...more };
    const question = JSON.stringify({ stream_name: "Q0", action: "create", config });
    const api = `$JS.API.CONSUMER.CREATE.Q0.${name}.q0.*.default.>`;
    const answer = (await own.nc.request(api, question)).json<{ error?: { code: number } }>();
    assert.equal(answer.error?.code, 400);
  }
});
