/**
 * The mailbox results as tables for people.
 */
import { describeMachine } from "../kit/machine.ts";
import { type Summary, summarise } from "../kit/stats.ts";
import { table } from "../kit/table.ts";
import type { MailboxReport } from "./mailboxes.ts";

const ms = (value: number) => value.toFixed(value < 10 ? 1 : 0);
const spread = ({ median, least, most }: Summary) =>
  least === most ? ms(median) : `${ms(median)} (${ms(least)}–${ms(most)})`;

export function mailboxesText(report: MailboxReport): string {
  const { dovecot, postfleet } = report.servers;
  const works = [...new Set(report.results.map(({ work }) => work))];
  const rows = works.map((work) => {
    const of = (server: string) =>
      summarise(report.results.filter((r) => r.work === work && r.server === server).map((r) => r.ms));
    const theirs = of("dovecot");
    const ours = of("postfleet");
    return [work, spread(theirs), spread(ours), (ours.median / theirs.median).toFixed(2)];
  });
  const idle = report.idle.map(({ server, connections, users, each }) => [
    server,
    `${connections} of ${users} users`,
    `${(each / 1_000).toFixed(0)} kB`,
  ]);
  const neighbours = report.neighbours.map((n) => [
    n.server,
    ms(n.search),
    `${n.commands}`,
    ms(n.p99),
    ms(n.longest),
    ms(n.calm),
  ]);
  return [
    `${describeMachine(report.machine)}; dovecot ${dovecot} (Maildir), postfleet ${postfleet}; ` +
      `${report.messages} messages of ${report.octets} octets in one mailbox`,
    table(["ms, median (least–most)", "Dovecot", "Postfleet", "ours / theirs"], rows),
    table(["memory of an idle connection", "connections", "each"], idle),
    table(
      [
        "while another searches",
        "search ms",
        "commands",
        "99th of 100, ms",
        "longest ms",
        "longest when calm",
      ],
      neighbours,
    ),
  ].join("\n\n");
}
