/**
 * The chart's console and `postfleet console` agree: the command takes the arguments that are rendered, reads the files that are
 * mounted, and is given nothing of the daemons' but the way to NATS.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { parseConsoleOptions } from "../../daemon/run/console-options.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { at } from "../harness/installation.ts";
import { root } from "../harness/source.ts";

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}
interface Volume {
  readonly name: string;
  readonly secret?: { readonly secretName: string; readonly items?: readonly { readonly key: string }[] };
}

const objects = parseAllDocuments(readFileSync(join(root, "test/golden/chart/console.yaml"), "utf8")).map(
  (each) => each.toJS() as KubeObject,
);
const find = (kind: string, name: string) =>
  objects.find((each) => each?.kind === kind && each.metadata.name === name);
const rendered = find("Deployment", "postfleet-console");
const pod = "spec.template.spec";
const [container] = at(rendered, `${pod}.containers`) as readonly Container[];
const volumes = at(rendered, `${pod}.volumes`) as readonly Volume[];
const { args, env, volumeMounts } = container ?? assert.fail();
const [command, ...argv] = args;
const options = parseConsoleOptions(
  argv,
  Object.fromEntries(env.map(({ name, value }) => [name, value])),
  false,
);

test("the command takes what the chart gives it", () => {
  assert.equal(command, "console");
  assert.ok(options !== "help");
  assert.deepEqual(options.nats, ["tls://postfleet-nats.postfleet-system.svc:4222"]);
  assert.deepEqual(options.hosts, ["console.example.org"]);
  assert.deepEqual(options.oidc?.groups, { operator: ["mail-on-call"], viewer: ["staff"] });
  assert.equal(options.oidc?.redirect, "https://console.example.org/");
});

test("every file that it reads lies in something that is mounted", () => {
  assert.ok(options !== "help");
  const { tokenFiles, oidc } = options;
  const creds = env.filter(({ name }) => /^NATS_(CREDS|CA)$/.test(name)).map(({ value }) => value);
  const files = [...Object.values(tokenFiles), oidc?.secretFile ?? "", oidc?.caFile ?? "", ...creds];
  assert.equal(files.length, 6);
  for (const file of files)
    assert.ok(
      volumeMounts.some(({ mountPath }) => file.startsWith(`${mountPath}/`)),
      file,
    );
});

test("of the daemons' Secret it gets the way to NATS, and no key", () => {
  const daemon = volumes.find(({ secret }) => secret?.secretName === "postfleet-daemon");
  assert.deepEqual(
    daemon?.secret?.items?.map(({ key }) => key),
    ["user.creds", "ca.crt"],
  );
  assert.equal(at(rendered, `${pod}.automountServiceAccountToken`), false);
});

test("collectors that look at the daemons look at its pods", () => {
  const labels = at(rendered, "spec.template.metadata.labels") as Record<string, string>;
  const { matchLabels, matchExpressions } = at(find("PodMonitor", "postfleet-daemons"), "spec.selector") as {
    readonly matchLabels: Record<string, string>;
    readonly matchExpressions: readonly { readonly key: string; readonly values: readonly string[] }[];
  };
  for (const [name, value] of Object.entries(matchLabels)) assert.equal(labels[name], value);
  for (const { key, values } of matchExpressions) assert.ok(values.includes(labels[key] ?? ""), key);
});
