import assert from "node:assert/strict";
import { test } from "node:test";
import { recognise } from "./ourselves.ts";

const us = (...listeners: { host: string; port: number }[]) =>
  recognise({ names: ["MX1.Example.test"], listeners, interfaces: ["192.0.2.10", "2001:db8::10"] });

test("our names, in any case of ours", () => {
  assert.equal(us().isOurName("mx1.example.test"), true);
  assert.equal(us().isOurName("mx2.example.test"), false);
});

const everywhere = us({ host: "0.0.0.0", port: 25 });
const table = [
  {
    name: "a listener's address and port",
    on: us({ host: "192.0.2.10", port: 25 }),
    address: "192.0.2.10",
    want: true,
  },
  {
    name: "its address, mapped",
    on: us({ host: "192.0.2.10", port: 25 }),
    address: "::ffff:192.0.2.10",
    want: true,
  },
  {
    name: "its address in long form",
    on: us({ host: "2001:db8::10", port: 25 }),
    address: "2001:0db8:0::10",
    want: true,
  },
  { name: "another port", on: us({ host: "192.0.2.10", port: 2525 }), address: "192.0.2.10", want: false },
  {
    name: "another address of the machine",
    on: us({ host: "127.0.0.1", port: 25 }),
    address: "192.0.2.10",
    want: false,
  },
  {
    name: "any address of the machine, when we listen on all",
    on: everywhere,
    address: "192.0.2.10",
    want: true,
  },
  { name: "IPv6 too", on: us({ host: "::", port: 25 }), address: "2001:db8::10", want: true },
  { name: "loopback, when we listen on all", on: everywhere, address: "127.0.0.53", want: true },
  { name: "the unspecified address, when we listen on all", on: everywhere, address: "0.0.0.0", want: true },
  { name: "a stranger, when we listen on all", on: everywhere, address: "192.0.2.11", want: false },
  { name: "what is no address", on: everywhere, address: "mx", want: false },
];
for (const { name, on, address, want } of table) {
  test(`${name}: ${want ? "us" : "not us"}`, () => assert.equal(on.isOurAddress(address, 25), want));
}
