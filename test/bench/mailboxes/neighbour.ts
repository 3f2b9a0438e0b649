/**
 * How long others wait while somebody searches: a second session says one short command after the other, while the
 * first searches the text of every message.
 */
import { ImapClient } from "./client.ts";
import type { Host, User } from "./host.ts";

export interface Neighbour {
  readonly server: string;
  /** ms of the search. */
  readonly search: number;
  readonly commands: number;
  /** ms of the neighbour's commands: the longest, and the 99th of a hundred. */
  readonly longest: number;
  readonly p99: number;
  /** The same while nobody searches. */
  readonly calm: number;
}

/** It needs no store, so that what is measured is the wait for a turn. */
const COMMAND = "CAPABILITY";
const CALM = 300;

export async function neighbour(host: Host, user: User): Promise<Neighbour> {
  await using searcher = await ImapClient.connect(host.imap);
  await using other = await ImapClient.connect(host.imap);
  for (const client of [searcher, other]) {
    await client.login(user.name, user.password);
    await client.command("SELECT INBOX");
  }
  const times: number[] = [];
  for (let i = 0; i < CALM; i++) times.push((await other.command(COMMAND)).ms);
  const calm = Math.max(...times.splice(0));
  let searching = true;
  const search = searcher.command("SEARCH TEXT absent").finally(() => {
    searching = false;
  });
  while (searching) times.push((await other.command(COMMAND)).ms);
  const { ms } = await search;
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return {
    server: host.name,
    search: ms,
    commands: times.length,
    longest: times.at(-1) ?? Number.NaN,
    p99,
    calm,
  };
}
