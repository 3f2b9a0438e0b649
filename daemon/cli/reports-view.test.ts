import assert from "node:assert/strict";
import { test } from "node:test";
import type { Day } from "../mail/report/day.ts";
import type { Place } from "../reports/fact.ts";
import type { SentReport } from "../reports/store.ts";
import { listLine } from "./reports-view.ts";

const place: Place = { namespace: "team", kind: "tls", day: "2026-11-28" as Day };
const report: SentReport = {
  state: "sent",
  at: 1,
  from: "tls@home.test",
  domain: "far.test",
  reportId: "1@home.test",
  count: 12,
  rows: 2,
  to: [
    { uri: "mailto:tls@far.test", ok: true, said: "01kb4k8d00abcdefghjkmnpqrs" },
    { uri: "https://far.test/", ok: false, said: "answered 500" },
  ],
};

const lines = [
  [
    { report },
    "far.test\tsent\t12\tmailto:tls@far.test (01kb4k8d00abcdefghjkmnpqrs), not https://far.test/ (answered 500)",
  ],
  [{ report: { ...report, state: "failed", to: [], why: "SERVFAIL" } }, "far.test\tfailed\t12\tSERVFAIL"],
  [{ round: { state: "held", by: "pod-1" } }, "*\tbeing made by pod-1"],
  [{ round: { state: "ordered", at: 0 } }, "*\tordered at 1970-01-01T00:00:00.000Z"],
  [
    { round: { state: "waiting", notBefore: 0, why: "no keys", tries: 2 } },
    "*\twaiting until 1970-01-01T00:00:00.000Z: no keys",
  ],
  [
    { round: { state: "done", at: 0, sent: 1, unwanted: 2, failed: 3, missed: 4 } },
    "*\tdone: 1 sent, 2 not wanted, 3 failed, 4 not counted",
  ],
] as const;
for (const [what, want] of lines)
  test(want.replaceAll("\t", " "), () =>
    assert.equal(listLine({ ...place, ...what }), `2026-11-28\ttls\tteam\t${want}`),
  );

test("words of strangers stay in one line", () => {
  const evil = "x\r\n\u001b[2Jdone\u2028";
  const line = listLine({
    ...place,
    report: { ...report, domain: evil, to: [{ uri: evil, ok: false, said: evil }] },
  });
  assert.doesNotMatch(line.replaceAll("\t", " "), /\p{Cc}|\u2028/u);
});
