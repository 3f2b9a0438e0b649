import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoint, oneOf, whole } from "./flags.ts";

const wholes = [
  [undefined, 7, undefined],
  ["1", 1, undefined],
  ["9", 9, undefined],
  ["0", 7, "--n 0: give a whole number from 1 to 9"],
  ["10", 7, "--n 10: give a whole number from 1 to 9"],
  ["1e0", 7, "--n 1e0: give a whole number from 1 to 9"],
  ["", 7, "--n : give a whole number from 1 to 9"],
] as const;

const choices = [
  [undefined, "a", undefined],
  ["b", "b", undefined],
  ["c", "a", "--x c: choose one of a, b"],
] as const;

const endpoints = [
  ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }, undefined],
  ["[::1]:25", { host: "::1", port: 25 }, undefined],
  ["::1:25", undefined, "--listen ::1:25: give ADDRESS:PORT, such as [::]:25"],
  ["host:65536", undefined, "--listen host:65536: give ADDRESS:PORT, such as [::]:25"],
] as const;

function judge<T>(read: (problems: string[]) => T, want: T, problem: string | undefined): void {
  const problems: string[] = [];
  assert.deepEqual(read(problems), want);
  assert.deepEqual(problems, problem === undefined ? [] : [problem]);
}

for (const [text, want, problem] of wholes)
  test(`a whole number: ${text}`, () =>
    judge((problems) => whole(text, "--n", 7, 1, 9, problems), want, problem));
for (const [text, want, problem] of choices)
  test(`a choice: ${text}`, () =>
    judge((problems) => oneOf(text, "--x", ["a", "b"], "a", problems), want, problem));
for (const [text, want, problem] of endpoints)
  test(`an endpoint: ${text}`, () =>
    judge((problems) => endpoint(text, "--listen", "[::]:25", problems), want, problem));
