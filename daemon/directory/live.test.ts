import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain } from "../../test/harness/declare.ts";
import { type Fields, type Log, silent } from "../kit/log.ts";
import { snapshot } from "./builder.ts";
import { DirectoryHolder } from "./live.ts";

const [first, second, third] = [1, 2, 3].map((revision) => snapshot([aDomain("a.example")], revision));
const get = <T>(value: T | undefined): T => value ?? assert.fail("missing");

test("listeners hear each change until they stop", () => {
  const holder = new DirectoryHolder(get(first), silent);
  const heard: number[] = [];
  const stop = holder.onChange(({ revision }) => heard.push(revision));
  holder.swap(get(second));
  assert.equal(holder.current(), second);
  stop();
  holder.swap(get(third));
  assert.deepEqual(heard, [2]);
  assert.equal(holder.current(), third);
});

test("the same function may listen twice, and stop once", () => {
  const holder = new DirectoryHolder(get(first), silent);
  let calls = 0;
  const count = () => calls++;
  const stop = holder.onChange(count);
  holder.onChange(count);
  holder.swap(get(second));
  stop();
  holder.swap(get(third));
  assert.equal(calls, 3);
});

test("a listener that throws is logged and keeps nobody from hearing", () => {
  const errors: Fields[] = [];
  const log: Log = { ...silent, error: (fields) => errors.push(fields) };
  const holder = new DirectoryHolder(get(first), log);
  const heard: number[] = [];
  holder.onChange(() => assert.fail("broken listener"));
  holder.onChange(({ revision }) => heard.push(revision));
  holder.swap(get(second));
  assert.deepEqual(heard, [2]);
  assert.match(String(errors[0]?.["err"]), /broken listener/);
});
