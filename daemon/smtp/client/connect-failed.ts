/**
 * Why there is no session with a server, in words for the recipients' outcomes and in facts for the caller's choice:
 * another address, another host, plain text, or later.
 */
import type { Remote } from "../../mail/outcome.ts";
import { type Reply, reply } from "../../mail/reply.ts";
import { kept, nameOf } from "./words.ts";

export type Phase = "connect" | "greeting" | "ehlo" | "starttls" | "auth";

const deeds: Readonly<Record<Phase, string>> = {
  connect: "connecting to",
  greeting: "waiting for the greeting of",
  ehlo: "EHLO with",
  starttls: "STARTTLS with",
  auth: "logging in at",
};

interface Failure {
  readonly remote: Remote;
  /** What the server said, if it was the server that ended it. */
  readonly reply?: Reply;
  /** Our words when it was not; the text is completed with host and phase. */
  readonly enhanced?: string;
  readonly text?: string;
  readonly cause?: unknown;
  readonly tlsFailed?: true;
}

export class ConnectFailed extends Error {
  override readonly name = "ConnectFailed";
  readonly phase: Phase;
  readonly remote: Remote;
  /** The server's reply, when it refused us. */
  readonly reply: Reply | undefined;
  /** The TLS handshake failed. With opportunistic TLS the caller tries again in plain text on a new connection. */
  readonly tlsFailed: boolean;
  /** What to record for recipients if no other way is found: a 5yz refuses them for good. */
  readonly verdict: Reply;

  constructor(phase: Phase, failure: Failure) {
    const text = failure.text ?? failure.reply?.text ?? "refused";
    super(`${deeds[phase]} ${nameOf(failure.remote)} failed: ${text}`, { cause: failure.cause });
    this.phase = phase;
    this.remote = failure.remote;
    this.reply = failure.reply;
    this.tlsFailed = failure.tlsFailed ?? false;
    this.verdict = this.#verdict(failure);
  }

  #verdict({ reply: theirs, enhanced = "4.4.2" }: Failure): Reply {
    if (!theirs) return reply(451, enhanced, this.message);
    const said = kept(theirs);
    // A login or STARTTLS that is refused is a matter of configuration, to be mended while the mail waits.
    if (this.phase === "auth") return reply(454, "4.7.0", `${this.message} (${said.code} ${said.enhanced})`);
    if (this.phase === "starttls")
      return reply(454, "4.7.4", `${this.message} (${said.code} ${said.enhanced})`);
    return said.code >= 400 ? said : reply(451, "4.5.0", `${this.message} (${said.code})`);
  }
}
