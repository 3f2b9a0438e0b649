import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "dns-packet";
import { maxAliases, type Reading, read } from "./answer.ts";
import { type QueryType, type Reply, rcode } from "./wire.ts";

const a = (name: string, data: string, ttl = 60): Answer => ({ type: "A", name, ttl, data });
const cname = (name: string, data: string, ttl = 60): Answer => ({ type: "CNAME", name, ttl, data });
const mx = (name: string, preference: number, exchange: string, ttl = 60): Answer => ({
  type: "MX",
  name,
  ttl,
  data: { preference, exchange },
});
const txt = (name: string, ...data: string[]): Answer => ({ type: "TXT", name, ttl: 60, data });
const soa = (ttl: number, minimum: number): Answer => ({
  type: "SOA",
  name: "test",
  ttl,
  data: { mname: "ns.test", rname: "h.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
const reply = (answers: Answer[], over: Partial<Reply> = {}): Reply => ({
  rcode: rcode.noError,
  truncated: false,
  authentic: false,
  answers,
  authorities: [],
  ...over,
});
const chain = (length: number): Answer[] =>
  Array.from({ length }, (_, n) => cname(n === 0 ? "x.test" : `x${n}.test`, `x${n + 1}.test`));
const address = (text: string) => ({ address: text, family: 4 });

type Case = { name: string; reply: Reply; type?: QueryType; want: Reading<unknown> };
const table: Case[] = [
  {
    name: "records, with the least of their times",
    reply: reply([a("x.test", "192.0.2.1", 90), a("X.Test", "192.0.2.2", 30)]),
    want: { kind: "found", records: [address("192.0.2.1"), address("192.0.2.2")], ttl: 30 },
  },
  {
    name: "records of other names and types do not count",
    reply: reply([a("y.test", "192.0.2.9"), mx("x.test", 1, "y.test"), a("x.test", "192.0.2.1")]),
    want: { kind: "found", records: [address("192.0.2.1")], ttl: 60 },
  },
  {
    name: "an alias chain in any order; its shortest time rules",
    reply: reply([a("z.test", "192.0.2.1"), cname("y.test", "Z.test", 10), cname("x.test", "y.test.", 40)]),
    want: { kind: "found", records: [address("192.0.2.1")], ttl: 10 },
  },
  {
    name: "MX hosts in lower case, the root as an empty name",
    reply: reply([mx("x.test", 10, "MX1.Example.TEST"), mx("x.test", 0, ".")]),
    type: "MX",
    want: {
      kind: "found",
      records: [
        { preference: 10, host: "mx1.example.test" },
        { preference: 0, host: "" },
      ],
      ttl: 60,
    },
  },
  {
    name: "the strings of a TXT record are joined",
    reply: reply([txt("x.test", "v=spf1 ", "-all")]),
    type: "TXT",
    want: { kind: "found", records: ["v=spf1 -all"], ttl: 60 },
  },
  {
    name: "no data, for as long as the SOA says",
    reply: reply([], { authorities: [soa(900, 300)] }),
    want: { kind: "none", ttl: 300 },
  },
  {
    name: "no data, for no longer than the SOA itself",
    reply: reply([], { authorities: [soa(60, 300)] }),
    want: { kind: "none", ttl: 60 },
  },
  { name: "no data without SOA", reply: reply([]), want: { kind: "none", ttl: undefined } },
  {
    name: "no such name",
    reply: reply([], { rcode: rcode.nxDomain, authorities: [soa(900, 300)] }),
    want: { kind: "nxdomain", ttl: 300 },
  },
  {
    name: "an alias to a name that does not exist",
    reply: reply([cname("x.test", "y.test", 20)], { rcode: rcode.nxDomain, authorities: [soa(900, 300)] }),
    want: { kind: "nxdomain", ttl: 20 },
  },
  {
    name: "an alias to a name without data",
    reply: reply([cname("x.test", "y.test", 20)], { authorities: [soa(900, 300)] }),
    want: { kind: "none", ttl: 20 },
  },
  {
    name: "an alias whose target the server left out",
    reply: reply([cname("x.test", "y.test", 20)]),
    want: { kind: "alias", name: "y.test", ttl: 20 },
  },
  { name: "an alias of itself", reply: reply([cname("x.test", "x.test")]), want: { kind: "loop" } },
  {
    name: "aliases in a circle",
    reply: reply([cname("x.test", "y.test"), cname("y.test", "x.test")]),
    want: { kind: "loop" },
  },
  {
    name: "as many aliases as are followed",
    reply: reply([...chain(maxAliases), a(`x${maxAliases}.test`, "192.0.2.1")]),
    want: { kind: "found", records: [address("192.0.2.1")], ttl: 60 },
  },
  { name: "too many aliases", reply: reply(chain(maxAliases + 1)), want: { kind: "loop" } },
  {
    name: "a time with the highest bit set is zero",
    reply: reply([a("x.test", "192.0.2.1", 0x80000000)]),
    want: { kind: "found", records: [address("192.0.2.1")], ttl: 0 },
  },
];
for (const { name, reply, type = "A", want } of table) {
  test(name, () => assert.deepEqual(read(reply, "x.test", type), want));
}
