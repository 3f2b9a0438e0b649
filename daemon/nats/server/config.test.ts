import assert from "node:assert/strict";
import { test } from "node:test";
import { renderConfig, type ServerConfig } from "./config.ts";

const config = (over: Partial<ServerConfig> = {}): ServerConfig => ({
  port: -1,
  user: "postfleet",
  password: "secret",
  storeDir: "/data/nats/jetstream",
  maxStoreBytes: 1_000_000,
  sync: "always",
  ...over,
});

const table = [
  { name: "listens on loopback only, port chosen by the system", over: {}, want: 'listen: "127.0.0.1:-1"' },
  { name: "keeps a port that clients know", over: { port: 4333 }, want: 'listen: "127.0.0.1:4333"' },
  { name: "fsyncs every write", over: {}, want: 'sync_interval: "always"' },
  { name: "takes a whole number of bytes", over: { maxStoreBytes: 12.9 }, want: "max_file_store: 12\n" },
  {
    name: "writes a pid file when told",
    over: { pidFile: "/data/nats/pid" },
    want: 'pid_file: "/data/nats/pid"',
  },
  { name: "quotes paths", over: { storeDir: '/a "b"\\c' }, want: 'store_dir: "/a \\"b\\"\\\\c"' },
] as const satisfies readonly { name: string; over: Partial<ServerConfig>; want: string }[];

for (const { name, over, want } of table) {
  test(`the configuration ${name}`, () => assert.ok(renderConfig(config(over)).includes(want)));
}

test("without a pid file none is named", () => assert.doesNotMatch(renderConfig(config()), /pid_file/));
