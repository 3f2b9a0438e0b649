import assert from "node:assert/strict";
import { test } from "node:test";
import type { Filter } from "../../crds/types.ts";
import { outwardOf, sameOutward } from "./outward.ts";

const filter = (over: Partial<Filter>): Filter => ({
  name: "f",
  timeout: "30s",
  onFailure: "Defer",
  connections: 20,
  ...over,
});
const inbound = (...filters: readonly Filter[]) => ({
  inbound: {
    spf: { fail: "Mark", softFail: "Mark" },
    dkim: { fail: "Mark" },
    dmarc: { none: "Mark", quarantine: "Junk", reject: "Reject" },
    filters,
  } as const,
});

test("ports of issuers and filters, each once; a socket in the pod needs none", () => {
  const specs = [
    { oidc: { issuer: "https://login.test:8443/x", audience: "mail", claim: "email", scopes: [] } },
    inbound(filter({ milter: { address: "clam.svc:7357" } }), filter({ milter: { address: "unix:/run/x" } })),
    { outbound: { filters: [filter({ rspamd: { url: "http://r.svc:11333" } })] } },
    inbound(filter({ rspamd: { url: "http://r.svc:11333" } })),
  ];
  assert.deepEqual(outwardOf(specs), { webPorts: [8443], filterPorts: [7357, 11333] });
});

test("a domain from before the fields existed reaches nothing", () => {
  assert.ok(sameOutward(outwardOf([{}]), { webPorts: [], filterPorts: [] }));
});
