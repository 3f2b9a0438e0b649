/**
 * A ManageSieve session in memory: a scripted client on one side, a user with scripts on the other.
 *
 * `converse` plays `C: …` and `S: …`: `S: OK` matches the next answer's status line by its beginning, `S: *OK` as well,
 * whatever lines come before it. It returns everything that was heard.
 */
import assert from "node:assert/strict";
import { plain } from "../../daemon/auth/sasl/passwords.ts";
import type { MailboxEntry } from "../../daemon/directory/directory.ts";
import { silent } from "../../daemon/kit/log.ts";
import { mapped } from "../../daemon/kit/sasl.ts";
import { MemoryScripts } from "../../daemon/mailbox/scripts.ts";
import type { MailboxName } from "../../daemon/mailbox/store.ts";
import { defaultLimits, Session, type SieveSocket } from "../../daemon/managesieve/session.ts";
import { FakeClock } from "./fake-clock.ts";
import { clientAt } from "./logins.ts";

type Events = Parameters<SieveSocket["attach"]>[0];

class Talk implements SieveSocket {
  #events: Events | undefined;
  #heard = "";
  #wake: (() => void) | undefined;
  ended = false;
  /** What the session logged as an error. */
  failed: unknown;
  readonly session: Session;
  readonly over: Promise<void>;
  readonly startTls = async () => {};

  constructor(tls: boolean) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    const checker = {
      check: async ({ password }: { readonly password: string }) =>
        password === "secret"
          ? ({ kind: "welcome", mailbox: { mailbox: "bob" } as unknown as MailboxEntry } as const)
          : ({ kind: "wrong" } as const),
    };
    this.session = new Session(this, {
      host: {
        mechanisms: () => ["PLAIN"],
        exchange: (name) =>
          name === "PLAIN"
            ? mapped(plain(checker, clientAt()), ({ mailbox }) => mailbox as MailboxName)
            : undefined,
        scripts: new MemoryScripts(() => 0),
      },
      caller: { address: "192.0.2.1", port: 1, listener: "managesieve" },
      tls,
      trustPlain: false,
      limits: defaultLimits,
      clock: new FakeClock(0),
      log: {
        ...silent,
        error: ({ err = "failed" }: { readonly err?: unknown }) => {
          this.failed ??= err;
        },
      },
      onOver: () => resolve(),
    });
    this.session.start();
  }

  attach(events: Events): void {
    this.#events = events;
  }

  write(data: string | Uint8Array): boolean {
    this.#heard += Buffer.from(data as Uint8Array).toString("utf8");
    this.#wake?.();
    return true;
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.ended = true;
    this.#wake?.();
    this.#events?.closed();
  }

  destroy(): void {
    this.end();
  }

  send(octets: string | Buffer): void {
    this.#events?.data(Buffer.from(octets as string));
  }

  /** The next piece that ends with a status line. */
  async answer(): Promise<string> {
    for (;;) {
      const match = /^(?:.*?\r\n)??(?:OK|NO|BYE)(?: [^\r\n]*)?\r\n|^"[^"\r\n]*"\r\n(?=$)/s.exec(this.#heard);
      if (match) {
        this.#heard = this.#heard.slice(match[0].length);
        return match[0];
      }
      if (this.ended) throw new Error(`ended with ${JSON.stringify(this.#heard)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  hangUp(): void {
    this.#events?.closed();
  }
}

export const open = ({ tls = true } = {}): Talk => new Talk(tls);

export async function converse(talk: Talk, lines: readonly string[]): Promise<string> {
  let heard = "";
  for (const line of lines) {
    if (line.startsWith("C: ")) {
      talk.send(`${line.slice(3)}\r\n`);
      continue;
    }
    const answer = await talk.answer();
    heard += answer;
    const want = line.slice(3);
    const status = answer.trimEnd().split("\r\n").at(-1) ?? "";
    if (want.startsWith("*")) assert.ok(status.startsWith(want.slice(1)), `${want}: ${answer}`);
    else assert.ok(answer.startsWith(want), `${want}: ${answer}`);
  }
  // What follows a BYE happens in the next turns.
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  return heard;
}
