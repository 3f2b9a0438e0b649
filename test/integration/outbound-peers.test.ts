/**
 * The outbound engine against servers that others wrote: Postfix's smtp-sink in its many moods, and the smtp-server package.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { Outcome } from "../../daemon/mail/outcome.ts";
import type { ConnectOptions } from "../../daemon/smtp/client/connect.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { connectTo, inPieces, mail, never, patient, text, to } from "../harness/outbound.ts";
import { startSmtpSink } from "../harness/smtp-sink.ts";

const two = to("a@b.example", "b@b.example");
const kinds = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map(({ kind, reply }) => `${kind} ${reply.code}`);
const both = (text: string): string[] => [text, text];

const moods: readonly {
  readonly name: string;
  readonly options: readonly string[];
  readonly over?: Partial<ConnectOptions>;
  readonly want: readonly string[];
}[] = [
  { name: "as it comes", options: [], want: both("delivered 250") },
  { name: "without 8BITMIME", options: ["-8"], want: both("delivered 250") },
  { name: "without PIPELINING", options: ["-p"], want: both("delivered 250") },
  { name: "without ESMTP", options: ["-e"], want: both("delivered 250") },
  { name: "without enhanced codes and DSN", options: ["-E", "-N"], want: both("delivered 250") },
  { name: "as a CISCO PIX", options: ["-P"], want: both("delivered 250") },
  { name: "as LMTP", options: ["-L"], over: { lmtp: true }, want: both("delivered 250") },
  {
    name: "as LMTP without PIPELINING",
    options: ["-L", "-p"],
    over: { lmtp: true },
    want: both("delivered 250"),
  },
  { name: "refusing RCPT", options: ["-f", "RCPT"], want: both("failed 500") },
  { name: "putting RCPT off", options: ["-r", "RCPT"], want: both("deferred 450") },
  { name: "refusing DATA", options: ["-f", "DATA"], want: both("failed 500") },
  { name: "refusing the message", options: ["-f", "."], want: both("failed 500") },
  { name: "hanging up at MAIL", options: ["-q", "MAIL"], want: both("deferred 451") },
  { name: "hanging up at RCPT", options: ["-q", "RCPT"], want: both("deferred 451") },
  { name: "hanging up after the message", options: ["-q", "."], want: both("deferred 451") },
  { name: "421 at MAIL", options: ["-Q", "MAIL"], want: both("deferred 421") },
  { name: "421 after the message", options: ["-Q", "."], want: both("deferred 421") },
  { name: "slow to say 354", options: ["-w", "1"], want: both("delivered 250") },
];

describe("smtp-sink", { concurrency: 4 }, () => {
  for (const { name, options, over, want } of moods) {
    test(`${name}: ${want[0]}`, async (t) => {
      await using sink = await startSmtpSink(...options);
      if (!sink) return t.skip("smtp-sink is not installed");
      await using client = await connectTo(sink, over);
      assert.deepEqual(kinds(await client.send(mail({ recipients: two }), never)), want);
      if (!client.reusable) return;
      const streamed = mail({ recipients: two, body: inPieces(text.repeat(500), 1_000) });
      assert.deepEqual(kinds(await client.send(streamed, never)), want, "in pieces, on the same connection");
    });
  }

  test("refusing early, while a large message is on its way", async (t) => {
    await using sink = await startSmtpSink("-A", "0");
    if (!sink) return t.skip("smtp-sink is not installed");
    await using client = await connectTo(sink);
    const large = inPieces(Buffer.alloc(30_000_000, "all work and no play\r\n"), 65_536);
    const [outcome] = await client.send(mail({ size: 30_000_000, body: large }), never);
    // Its 550 may be lost with the connection that it cuts; a success it can never be.
    assert.ok(outcome?.kind === "failed" || outcome?.kind === "deferred");
    assert.equal(client.reusable, false);
  });
});

interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  readonly octets: Buffer;
  readonly secure: boolean;
}

async function startPeer(options: SMTPServerOptions) {
  const taken: Taken[] = [];
  const server = new SMTPServer({
    disableReverseLookup: true,
    ...options,
    onData(stream, session, done) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom ? mailFrom.address : "";
        taken.push({
          from,
          to: rcptTo.map(({ address }) => address),
          octets: Buffer.concat(parts),
          secure: session.secure,
        });
        done();
      });
    },
  });
  server.on("error", () => {});
  const listener = server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  return {
    taken,
    port: typeof address === "object" && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

test("the smtp-server package: STARTTLS, AUTH, UTF-8 and the exact octets", async () => {
  const certificate = await makeCertificate("mx.b.example");
  await using peer = await startPeer({
    ...certificate,
    onAuth({ username, password }, _, done) {
      if (username === "al" && password === "s€cret") done(null, { user: username });
      else done(new Error("no"));
    },
  });
  await using client = await connectTo(peer, {
    tls: "Require",
    tlsOptions: { servername: "mx.b.example", verify: true, ca: certificate.cert },
    auth: { username: "al", password: "s€cret" },
    timeouts: { ...patient, quit: 500 },
  });
  const octets = Buffer.from(`Subject: Grüße\r\n\r\n.${"\r\n..dots\r\n.\r\n".repeat(2_000)}`);
  const sender = { ...mail().sender, body: "8BITMIME", smtputf8: true } as const;
  for (const body of [() => octets, inPieces(octets, 777)]) {
    const given = mail({
      sender,
      recipients: to("jürgen@b.example", "b@b.example"),
      size: octets.length,
      body,
    });
    assert.deepEqual(kinds(await client.send(given, never)), both("delivered 250"));
    const last = peer.taken.at(-1);
    assert.deepEqual(last?.octets, octets);
    assert.deepEqual(
      [last?.from, last?.to, last?.secure],
      ["al@a.example", ["jürgen@b.example", "b@b.example"], true],
    );
  }
});

test("the smtp-server package: a wrong password", async () => {
  const certificate = await makeCertificate("mx.b.example");
  await using peer = await startPeer({ ...certificate, onAuth: (_, __, done) => done(new Error("no")) });
  const auth = { username: "al", password: "wrong" };
  await assert.rejects(connectTo(peer, { tls: "Require", auth }), {
    name: "ConnectFailed",
    phase: "auth",
    message: "logging in at mx.b.example[127.0.0.1] failed: no",
  });
});

test("the smtp-server package: LMTP, each recipient answered", async () => {
  await using peer = await startPeer({
    lmtp: true,
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
  });
  await using client = await connectTo(peer, { lmtp: true, timeouts: { ...patient, quit: 500 } });
  assert.deepEqual(kinds(await client.send(mail({ recipients: two }), never)), both("delivered 250"));
  assert.deepEqual(peer.taken[0]?.to, ["a@b.example", "b@b.example"]);
});
