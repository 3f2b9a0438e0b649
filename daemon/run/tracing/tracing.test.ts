import assert from "node:assert/strict";
import { test } from "node:test";
import { isTraced, openTracing, ratioOf } from "./tracing.ts";

test("off unless the environment names a collector", async () => {
  for (const [env, on] of [
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" }, true],
    // A chart that has both leaves one empty.
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_SDK_DISABLED: "true" }, false],
  ] as const)
    assert.equal(isTraced(env), on, JSON.stringify(env));
  assert.equal(await openTracing({}, "here"), undefined);
});

test("a share that is none is told with its name", () => {
  assert.equal(ratioOf({}), 1);
  assert.equal(ratioOf({ OTEL_TRACES_SAMPLER_ARG: "0.01" }), 0.01);
  for (const text of ["2", "-1", "half", ""])
    assert.throws(() => ratioOf({ OTEL_TRACES_SAMPLER_ARG: text }), /OTEL_TRACES_SAMPLER_ARG/);
});
