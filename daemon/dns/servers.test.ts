import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseServer, serversOf, systemServers } from "./servers.ts";

const table = [
  { text: "192.0.2.1", want: { address: "192.0.2.1", port: 53 } },
  { text: "192.0.2.1:5353", want: { address: "192.0.2.1", port: 5353 } },
  { text: "2001:db8::1", want: { address: "2001:db8::1", port: 53 } },
  { text: "[2001:db8::1]:5353", want: { address: "2001:db8::1", port: 5353 } },
  { text: "[2001:db8::1]", want: { address: "2001:db8::1", port: 53 } },
  { text: "[192.0.2.1]:53", want: undefined },
  { text: "192.0.2.1:0", want: undefined },
  { text: "192.0.2.1:65536", want: undefined },
  { text: "192.0.2.1:", want: undefined },
  { text: "dns.example.test:53", want: undefined },
  { text: "192.0.2.256", want: undefined },
  { text: "", want: undefined },
];
for (const { text, want } of table) {
  test(`server "${text}"`, () => assert.deepEqual(parseServer(text), want));
}

test("resolv.conf: every nameserver in order; comments, search domains and nonsense are passed over", () => {
  const text = [
    "# made by a tool",
    "search cluster.local example.test",
    "nameserver 192.0.2.1",
    "  nameserver\t2001:db8::1  ",
    "nameserver not-an-address",
    "options ndots:5",
  ].join("\n");
  assert.deepEqual(serversOf(text), [
    { address: "192.0.2.1", port: 53 },
    { address: "2001:db8::1", port: 53 },
  ]);
});

test("resolv.conf without servers, or none at all, means the server on this machine", async () => {
  const here = [{ address: "127.0.0.1", port: 53 }];
  assert.deepEqual(serversOf("options timeout:1\n"), here);
  assert.deepEqual(await systemServers("/nonexistent/resolv.conf"), here);
});

test("the machine's file is read", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "resolv-"));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "resolv.conf"), "nameserver 192.0.2.7\n");
  assert.deepEqual(await systemServers(join(dir, "resolv.conf")), [{ address: "192.0.2.7", port: 53 }]);
});
