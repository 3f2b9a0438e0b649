import assert from "node:assert/strict";
import { test } from "node:test";
import {
  always,
  cut,
  hang,
  type Script,
  startNextHop,
  usualExtensions,
} from "../../../test/harness/next-hop.ts";
import { connectTo, mail, never, patient } from "../../../test/harness/outbound.ts";
import type { ConnectOptions } from "./connect.ts";
import { ConnectFailed, type Phase } from "./connect-failed.ts";

async function failure(script: Script, over: Partial<ConnectOptions> = {}): Promise<ConnectFailed> {
  await using hop = await startNextHop(script);
  const error = await connectTo(hop, over).then(
    () => assert.fail("a session"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectFailed, String(error));
  await hop.until(() => hop.concurrent === 0); // no connection is left open
  return error;
}

const shortGreeting = { ...patient, greeting: 30 };
const shortCommand = { ...patient, command: 30 };
const auth = { username: "al", password: "secret", plainTextOnLoopback: true };
const withAuth: Script = { extensions: ["AUTH PLAIN LOGIN"] };

interface Row {
  readonly name: string;
  readonly script: Script;
  readonly over?: Partial<ConnectOptions>;
  readonly phase: Phase;
  /** Code and enhanced code of the verdict. */
  readonly verdict: string;
  /** The remote reply's code, when there is one. */
  readonly reply?: number;
}

const table: readonly Row[] = [
  {
    name: "554 greeting",
    script: always("connect", "554 5.7.1 go away"),
    phase: "greeting",
    verdict: "554 5.7.1",
    reply: 554,
  },
  {
    name: "421 greeting",
    script: always("connect", "421 4.3.2 busy"),
    phase: "greeting",
    verdict: "421 4.3.2",
    reply: 421,
  },
  {
    name: "no SMTP at all",
    script: always("connect", "HTTP/1.1 400 Bad"),
    phase: "greeting",
    verdict: "451 4.5.0",
  },
  {
    name: "3yz greeting",
    script: always("connect", "354 what"),
    phase: "greeting",
    verdict: "451 4.5.0",
    reply: 354,
  },
  {
    name: "cut before the greeting",
    script: always("connect", cut),
    phase: "greeting",
    verdict: "451 4.4.2",
  },
  {
    name: "no greeting",
    script: always("connect", hang),
    over: { timeouts: shortGreeting },
    phase: "greeting",
    verdict: "451 4.4.2",
  },
  {
    name: "EHLO refused",
    script: always("ehlo", "550 5.7.1 bad name"),
    phase: "ehlo",
    verdict: "550 5.7.1",
    reply: 550,
  },
  {
    name: "EHLO later",
    script: always("ehlo", "450 4.7.1 later"),
    phase: "ehlo",
    verdict: "450 4.7.1",
    reply: 450,
  },
  { name: "EHLO cut", script: always("ehlo", cut), phase: "ehlo", verdict: "451 4.4.2" },
  {
    name: "EHLO hangs",
    script: always("ehlo", hang),
    over: { timeouts: shortCommand },
    phase: "ehlo",
    verdict: "451 4.4.2",
  },
  {
    name: "HELO refused too",
    script: { extensions: false, ...always("helo", "550 no") },
    phase: "ehlo",
    verdict: "550 5.0.0",
    reply: 550,
  },
  { name: "LHLO unknown", script: {}, over: { lmtp: true }, phase: "ehlo", verdict: "502 5.5.1", reply: 502 },
  { name: "STARTTLS missing", script: {}, over: { tls: "Require" }, phase: "starttls", verdict: "451 4.7.4" },
  {
    name: "STARTTLS refused though required",
    script: { extensions: ["STARTTLS"], ...always("starttls", "454 4.7.0 no key") },
    over: { tls: "Require" },
    phase: "starttls",
    verdict: "454 4.7.4",
    reply: 454,
  },
  {
    name: "STARTTLS ends the session",
    script: { extensions: ["STARTTLS"], ...always("starttls", "421 4.3.2 bye") },
    over: { tls: "Opportunistic" },
    phase: "starttls",
    verdict: "454 4.7.4",
    reply: 421,
  },
  {
    name: "wrong password",
    script: { ...withAuth, ...always("auth", "535 5.7.8 wrong") },
    over: { auth },
    phase: "auth",
    verdict: "454 4.7.0",
    reply: 535,
  },
  { name: "AUTH missing", script: {}, over: { auth }, phase: "auth", verdict: "451 4.7.4" },
  {
    name: "AUTH cut",
    script: { ...withAuth, ...always("auth", cut) },
    over: { auth },
    phase: "auth",
    verdict: "451 4.4.2",
  },
  {
    name: "AUTH without TLS",
    script: withAuth,
    over: { auth: { username: "al", password: "secret" } },
    phase: "auth",
    verdict: "451 4.7.0",
  },
];

for (const { name, script, over, phase, verdict, reply } of table) {
  test(`${name}: fails at ${phase} with ${verdict}`, async () => {
    const failed = await failure(script, over);
    assert.equal(failed.phase, phase);
    assert.equal(`${failed.verdict.code} ${failed.verdict.enhanced}`, verdict);
    assert.equal(failed.reply?.code, reply);
    assert.equal(failed.tlsFailed, false);
    assert.deepEqual(failed.remote, { name: "mx.b.example", address: "127.0.0.1" });
  });
}

test("a closed port is a failure to connect", async () => {
  const hop = await startNextHop();
  const { port } = hop;
  await hop[Symbol.asyncDispose]();
  await assert.rejects(connectTo({ port }), (error) => {
    assert.ok(error instanceof ConnectFailed);
    assert.equal(error.phase, "connect");
    assert.equal(error.verdict.enhanced, "4.4.1");
    assert.match(error.verdict.text, /mx\.b\.example\[127\.0\.0\.1\].*ECONNREFUSED/);
    return true;
  });
});

test("a connection that does not come about in time is given up", async () => {
  const dial = {
    connect: (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    secure: () => assert.fail("no TLS"),
  };
  await assert.rejects(connectTo({ port: 1 }, { dial, timeouts: { ...patient, connect: 10 } }), {
    name: "ConnectFailed",
    phase: "connect",
  });
});

test("an aborted signal ends the attempt with its reason, at whatever step", async () => {
  const reason = new Error("enough");
  await assert.rejects(connectTo({ port: 1 }, {}, AbortSignal.abort(reason)), reason);
  for (const stage of ["connect", "ehlo", "auth"] as const) {
    const stop = new AbortController();
    await using hop = await startNextHop({
      ...withAuth,
      reply: (moment) => {
        if (moment.stage !== stage) return undefined;
        stop.abort(reason);
        return hang;
      },
    });
    await assert.rejects(connectTo(hop, { auth }, stop.signal), reason);
    await hop.until(() => hop.concurrent === 0);
  }
});

test("a server without EHLO is greeted with HELO, and gets no parameters", async () => {
  await using hop = await startNextHop({ extensions: false });
  await using client = await connectTo(hop);
  assert.equal(client.extensions.esmtp, false);
  const [outcome] = await client.send(mail({ sender: { ...mail().sender, ret: "FULL", envid: "x" } }), never);
  assert.equal(outcome?.kind, "delivered");
  assert.deepEqual(hop.commands.slice(0, 5), [
    "EHLO out.a.example",
    "HELO out.a.example",
    "MAIL FROM:<al@a.example>",
    "RCPT TO:<bo@b.example>",
    "DATA",
  ]);
});

test("LMTP says LHLO", async () => {
  await using hop = await startNextHop({ lmtp: true });
  await using client = await connectTo(hop, { lmtp: true });
  assert.deepEqual(hop.commands, ["LHLO out.a.example"]);
  assert.equal(client.extensions.pipelining, true);
});

const logins = [
  { name: "PLAIN", offered: "AUTH LOGIN PLAIN", want: ["AUTH PLAIN AGFsAHNlY3JldA=="] },
  { name: "LOGIN", offered: "AUTH=LOGIN CRAM-MD5", want: ["AUTH LOGIN"] },
] as const;

for (const { name, offered, want } of logins) {
  test(`logs in by ${name}`, async () => {
    const seen: string[] = [];
    await using hop = await startNextHop({
      extensions: [...usualExtensions, offered],
      reply: ({ stage, line }) => void (stage === "auth" && seen.push(line)),
    });
    await using client = await connectTo(hop, { auth });
    assert.equal(client.reusable, true);
    assert.deepEqual(hop.commands.slice(1), want);
    assert.deepEqual(seen, name === "PLAIN" ? want : ["AUTH LOGIN YWw= c2VjcmV0"]);
  });
}

test("a server that wants more than the mechanism has is told to stop", async () => {
  let asked = false;
  await using hop = await startNextHop({
    ...withAuth,
    reply: ({ stage }) => {
      if (stage !== "auth") return undefined;
      asked = true;
      return "334 and now";
    },
  });
  await assert.rejects(connectTo(hop, { auth }), { name: "ConnectFailed", phase: "auth" });
  assert.ok(asked);
  assert.equal(hop.commands.at(-1), "*");
});

test("credentials never reach the log", async () => {
  const logged: unknown[] = [];
  const record = (fields: unknown, sentence: string) => void logged.push(fields, sentence);
  const log = { error: record, warn: record, info: record, debug: record, trace: record, child: () => log };
  await using hop = await startNextHop(withAuth);
  await using client = await connectTo(hop, { auth, log });
  await client.send(mail(), never);
  const all = JSON.stringify(logged);
  assert.match(all, /MAIL FROM/);
  for (const secret of ["secret", "AGFsAHNlY3JldA", "hidden"]) assert.doesNotMatch(all, new RegExp(secret));
});
