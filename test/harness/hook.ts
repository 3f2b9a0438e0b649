/**
 * A webhook with a book, an intake and a receiver in memory.
 *
 * In:   how the receiver answers; what was remembered.
 * Out:  `give` events, let time `pass`, and look at what was called, done with and written.
 */
import type { HookEntry } from "../../daemon/directory/hooks.ts";
import { silent } from "../../daemon/kit/log.ts";
import { Slots } from "../../daemon/kit/slots.ts";
import type { MessageEvent } from "../../daemon/queue/message-event.ts";
import type { Answer, Call } from "../../daemon/webhooks/answer.ts";
import { Hook } from "../../daemon/webhooks/hook.ts";
import type { Intake, Item } from "../../daemon/webhooks/intake.ts";
import type { Condition, Dead, HookBook, Remembered, Waiting } from "../../daemon/webhooks/store.ts";
import { FakeClock } from "./fake-clock.ts";

export const hour = 3_600_000;
export const eventOf = (id: string): MessageEvent =>
  ({
    version: 1,
    id,
    type: "message.bounced",
    timestamp: new Date(1_700_000_000_000).toISOString(),
    data: { message: "m" },
  }) as never;
export const entry: HookEntry = {
  namespace: "default",
  id: "policy:default:crm",
  scope: { kind: "RelayPolicy", policy: "default/default" as never },
  url: "https://hooks.example/x?token=hidden",
  keys: [Buffer.alloc(32, 1)],
  kinds: new Set(),
  giveUpAfterMs: 24 * hour,
};

class Book implements HookBook {
  readonly waiting = new Map<string, Waiting>();
  readonly dead = new Map<string, Dead>();
  readonly conditions: Condition["is"][] = [];
  fails: Error | undefined;
  isFull = false;

  #check(): void {
    if (this.fails) throw this.fails;
  }
  async setPlace(): Promise<void> {}
  async setCondition(_: string, { is }: Condition): Promise<void> {
    this.conditions.push(is);
  }
  async putWaiting(_: string, waiting: Waiting): Promise<boolean> {
    this.#check();
    if (this.isFull) return false;
    this.waiting.set(waiting.event.id, waiting);
    return true;
  }
  async removeWaiting(_: string, id: string): Promise<void> {
    this.#check();
    this.waiting.delete(id);
  }
  async bury(_: string, dead: Dead, tooMany: readonly string[]): Promise<number> {
    this.#check();
    this.dead.set(dead.event.id, dead);
    this.waiting.delete(dead.event.id);
    for (const id of tooMany) this.dead.delete(id);
    return tooMany.length;
  }
}

type AnswerBy = (call: Call, n: number, signal: AbortSignal) => Answer | Promise<Answer>;

export function aHook(answer: AnswerBy, remembered?: Partial<Remembered>) {
  const clock = new FakeClock();
  const book = new Book();
  const items: Item[] = [];
  const done: string[] = [];
  const intake = {
    oldest: undefined,
    take: () => items.shift(),
    done: ({ event }: Item) => void done.push(event.id),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as Intake;
  const calls: { id: string; at: number }[] = [];
  const counts: Record<string, number> = {};
  let usurped = 0;
  let underWay = 0;
  let most = 0;
  const hook = new Hook(entry, intake, remembered && { waiting: new Map(), dead: [], ...remembered }, {
    book,
    clock,
    chance: () => 0.5,
    log: silent,
    calls: new Slots(100),
    counted: (result) => {
      counts[result] = (counts[result] ?? 0) + 1;
    },
    onUsurped: () => usurped++,
    post: async (call, signal) => {
      const id = call.headers["webhook-id"] ?? "";
      calls.push({ id, at: clock.now() });
      most = Math.max(most, ++underWay);
      const given = await answer(call, calls.length, signal);
      underWay--;
      return given;
    },
  });
  const give = (...ids: string[]) => {
    for (const id of ids) items.push({ record: { sequence: 1, left: 1 }, event: eventOf(id) });
    hook.pump();
  };
  const quiet = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await quiet();
  };
  return {
    clock,
    book,
    hook,
    give,
    done,
    calls,
    counts,
    quiet,
    pass,
    usurped: () => usurped,
    most: () => most,
  };
}
export const status = (code: number, retryAfter?: string): Answer => ({
  kind: "answered",
  status: code,
  retryAfter,
});
