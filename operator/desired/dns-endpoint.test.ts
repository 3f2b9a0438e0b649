import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, at } from "../../test/harness/installation.ts";
import { dnsEndpoint } from "./dns-endpoint.ts";

const wish = (...records: { type: string; name: string; value: string }[]) =>
  dnsEndpoint(anInstallation(), { namespace: "shop", name: "example", records });

test("records of one name and type are one endpoint", () => {
  const object = wish(
    { type: "MX", name: "example.org", value: "10 a.example.org" },
    { type: "TXT", name: "example.org", value: "v=spf1 mx -all" },
    { type: "MX", name: "example.org", value: "20 b.example.org" },
  );
  assert.deepEqual(at(object, "spec.endpoints"), [
    {
      dnsName: "example.org",
      recordType: "MX",
      targets: ["10 a.example.org", "20 b.example.org"],
      recordTTL: 3600,
    },
    { dnsName: "example.org", recordType: "TXT", targets: ["v=spf1 mx -all"], recordTTL: 3600 },
  ]);
});

test("what external-dns does not know is left to people", () => {
  assert.equal(wish({ type: "TLSA", name: "_25._tcp.a.example.org", value: "3 1 1 ab" }), undefined);
});
