import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError } from "../cli/context.ts";
import { parseRunOptions, type RunOptions } from "./options.ts";

const parse = (...argv: string[]): RunOptions => {
  const options = parseRunOptions(argv, false);
  assert.notEqual(options, "help");
  return options as RunOptions;
};

test("the least that runs, with every default", () => {
  const options = parse("-f", "a.yaml", "--data", "d", "--hostname", "mx.example.test");
  assert.deepEqual([...options.roles], ["gateway", "relay", "mailbox"]);
  assert.deepEqual(options.listen.smtp, { host: "127.0.0.1", port: 2525 });
  assert.deepEqual(options.listen.health, { host: "127.0.0.1", port: 8025 });
  const { graceMs, smtpPort, logLevel, logFormat, replicas, hostname } = options;
  assert.deepEqual([graceMs, smtpPort, logLevel, logFormat, replicas], [30_000, 25, "info", "json", 0]);
  assert.equal(hostname, "mx.example.test");
});

test("several files as a shell gives them", () => {
  assert.deepEqual(parse("-f", "a.yaml", "b.yaml", "--data", "d").files, ["a.yaml", "b.yaml"]);
});

test("listeners by name: another address, a free port, IPv6, off", () => {
  const { listen } = parse("-f", "a", "--data", "d", "--listen", "smtp=[::1]:0", "--listen", "health=off");
  assert.deepEqual(listen.smtp, { host: "::1", port: 0 });
  assert.equal(listen.health, undefined);
});

test("DNS servers, with and without a port", () => {
  const { dns } = parse("-f", "a", "--data", "d", "--dns", "127.0.0.1:5353", "--dns", "::1");
  assert.deepEqual(dns, [
    { address: "127.0.0.1", port: 5353 },
    { address: "::1", port: 53 },
  ]);
});

test("NATS instead of a folder, roles and a policy", () => {
  const options = parse("--nats", "nats://a,nats://b", "--role", "relay", "--policy", "mail/bulk.eu");
  assert.deepEqual(
    [options.nats, [...options.roles], options.policy],
    [["nats://a", "nats://b"], ["relay"], "mail/bulk.eu"],
  );
});

const wrong = [
  { name: "nothing to run on", argv: ["-f", "a"], says: /--data: give a folder/ },
  { name: "no resources", argv: ["--data", "d"], says: /-f: name at least one/ },
  {
    name: "an unknown role",
    argv: ["-f", "a", "--data", "d", "--role", "mta"],
    says: /--role mta: choose gateway/,
  },
  {
    name: "an unknown listener",
    argv: ["-f", "a", "--data", "d", "--listen", "lmtp=1:2"],
    says: /--listen lmtp=1:2: give NAME/,
  },
  {
    name: "an address without port",
    argv: ["-f", "a", "--data", "d", "--listen", "smtp=127.0.0.1"],
    says: /ADDRESS:PORT/,
  },
  {
    name: "a policy without namespace",
    argv: ["-f", "a", "--data", "d", "--policy", "x"],
    says: /NAMESPACE\/NAME/,
  },
  { name: "half a certificate", argv: ["-f", "a", "--data", "d", "--tls-cert", "c"], says: /go together/ },
  {
    name: "a level that is none",
    argv: ["-f", "a", "--data", "d", "--log-level", "loud"],
    says: /choose one of error/,
  },
  {
    name: "a port that is none",
    argv: ["-f", "a", "--data", "d", "--smtp-port", "70000"],
    says: /from 1 to 65535/,
  },
  {
    name: "a store too small",
    argv: ["-f", "a", "--data", "d", "--max-store", "1Mi"],
    says: /at least 64Mi/,
  },
  {
    name: "a name for a DNS server",
    argv: ["-f", "a", "--data", "d", "--dns", "ns.example:53"],
    says: /--dns ns\.example:53: give an IP address/,
  },
  { name: "an unknown option", argv: ["--nope"], says: /nope/ },
] as const;

for (const { name, argv, says } of wrong)
  test(`${name} is refused with a remedy and exit code 2`, () => {
    assert.throws(
      () => parseRunOptions([...argv], false),
      (error) => {
        assert.ok(error instanceof CommandError);
        assert.equal(error.code, 2);
        assert.match(error.message, says);
        return true;
      },
    );
  });

test("all problems are told at once", () => {
  assert.throws(
    () => parseRunOptions(["--role", "x", "--grace", "soon", "--log-format", "xml"], false),
    /--role x[\s\S]*--grace soon[\s\S]*--log-format xml[\s\S]*--data/,
  );
});
