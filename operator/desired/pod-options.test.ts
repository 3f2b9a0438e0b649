import assert from "node:assert/strict";
import { test } from "node:test";
import { podDefaults } from "./installation.ts";
import { layPodTemplate, resourcesOf } from "./pod-options.ts";

test("maps and named lists are joined, and the special wins", () => {
  const below = {
    ...podDefaults,
    podTemplate: {
      labels: { a: "1", b: "1" },
      env: [
        { name: "TZ", value: "UTC" },
        { name: "A", value: "1" },
      ],
      tolerations: [{ key: "mail" }],
      sidecars: [{ name: "proxy", image: "proxy:1" }],
    },
  };
  const { podTemplate } = layPodTemplate(below, {
    labels: { b: "2", c: "2" },
    env: [{ name: "TZ", value: "CET" }],
    tolerations: [{ key: "mail" }, { key: "spot" }],
    sidecars: [{ name: "logs", image: "logs:1" }],
    imagePullSecrets: [{ name: "mirror" }],
  });
  assert.deepEqual(podTemplate, {
    labels: { a: "1", b: "2", c: "2" },
    env: [
      { name: "TZ", value: "CET" },
      { name: "A", value: "1" },
    ],
    tolerations: [{ key: "mail" }, { key: "spot" }],
    sidecars: [
      { name: "proxy", image: "proxy:1" },
      { name: "logs", image: "logs:1" },
    ],
    imagePullSecrets: [{ name: "mirror" }],
  });
});

test("what has no names is taken whole", () => {
  const below = { ...podDefaults, podTemplate: { affinity: { nodeAffinity: {} }, priorityClassName: "low" } };
  const { podTemplate } = layPodTemplate(below, { affinity: { podAffinity: {} } });
  assert.deepEqual(podTemplate, { affinity: { podAffinity: {} }, priorityClassName: "low" });
});

test("one resource may be changed without naming the others", () => {
  const { resources } = layPodTemplate(podDefaults, { resources: { requests: { cpu: "2" } } });
  assert.deepEqual(resources, {
    requests: { cpu: "2", memory: "192Mi" },
    limits: { memory: "512Mi" },
  });
  assert.deepEqual(resourcesOf({ resources: {}, podTemplate: {} }), {});
});
