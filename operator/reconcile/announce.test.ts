import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, KubeObject } from "../kube/object.ts";
import { announce } from "./announce.ts";

const about: KubeObject = { apiVersion: "v1", kind: "MailDomain", metadata: { name: "x", namespace: "ns" } };
const status = (
  ...conditions: readonly [type: string, status: string, reason: string, message?: string][]
) => ({
  conditions: conditions.map(([type, is, reason, message = ""]) => ({
    type,
    status: is as Condition["status"],
    reason,
    message,
    lastTransitionTime: "2026-01-01T00:00:00Z",
  })),
});
const accepted = status(["Accepted", "True", "Accepted"]);
const conflict = status(["Accepted", "False", "DomainConflict", "belongs to a/b"]);
const lacking = status(
  ["Accepted", "True", "Accepted"],
  ["Ready", "False", "SecretMissing", "no Secret alice"],
);
const garbled = status(["Accepted", "True", "Accepted"], ["Ready", "False", "InvalidSieve", "line 1: x"]);

const cases = [
  ["a new one that is accepted", undefined, accepted, []],
  ["a new one that is refused", undefined, conflict, ["Warning DomainConflict belongs to a/b"]],
  ["refused as before", conflict, conflict, []],
  ["it takes over", conflict, accepted, ["Normal Accepted it takes effect now"]],
  ["a Secret lacks", accepted, lacking, ["Warning SecretMissing no Secret alice"]],
  ["it lacks as before", lacking, lacking, []],
  ["a script is broken", accepted, garbled, ["Warning InvalidSieve line 1: x"]],
  ["it is broken as before", garbled, garbled, []],
] as const;

for (const [name, before, after, want] of cases)
  test(name, () => {
    const told: string[] = [];
    const record = (_: KubeObject, ...words: readonly string[]) => void told.push(words.join(" "));
    announce({ record }, about, before, after);
    assert.deepEqual(told, want);
  });
