/** The process of `paced.ts`: its load as JSON in the argument, the result by its channel; ends with it. */
import { recipientOf } from "../kit/source.ts";
import { SmtpSession, textOf } from "../scale/session.ts";
import { spreadOf } from "../scale/spread.ts";
import { sharedNow } from "../scale/time.ts";
import type { Paced, PacedNews } from "./paced.ts";
import { dueAfter, leavesAt } from "./schedule.ts";

const load = JSON.parse(process.argv[2] ?? "") as Paced;
const tell = (news: PacedNews) => void process.send?.(news);
process.on("disconnect", () => process.exit());

/** How often it is looked at what is due, ms. */
const LOOK_MS = 1;

const body = textOf(load.octets);
const accept: number[] = [];
const late: number[] = [];
/** Numbers of messages whose time has come while every connection was busy. */
const line: number[] = [];

async function all(): Promise<void> {
  const connect = () => SmtpSession.connect(load.port);
  const idle = await Promise.all(Array.from({ length: load.sessions }, connect));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const began = sharedNow();
  let due = 0;

  async function carry(session: SmtpSession): Promise<void> {
    for (let n = line.shift(); n !== undefined; n = line.shift()) {
      late.push(sharedNow() - began - leavesAt(n, load));
      const to = [recipientOf(load.tag, n + 1)];
      accept.push(await session.send({ from: "sender@bench.example", to, body }));
    }
    idle.push(session);
    if (accept.length === load.messages) resolve();
  }

  const timer = setInterval(() => {
    for (const now = dueAfter(sharedNow() - began, load); due < now; due++) line.push(due);
    while (line.length > 0) {
      const session = idle.pop();
      if (session === undefined) break;
      carry(session).catch(reject);
    }
  }, LOOK_MS);
  await promise.finally(() => clearInterval(timer));
}

try {
  await all();
  tell({ accept: spreadOf(accept), late: spreadOf(late) });
} catch (error) {
  tell({ error: (error as Error).message });
}
