import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodTemplate } from "../../crds/types.ts";
import { anInstallation, services } from "../../test/harness/installation.ts";
import { type Component, type Installation, podDefaults } from "./installation.ts";
import { selectorOf } from "./names.ts";
import { podTemplate } from "./pod.ts";

interface Built {
  readonly metadata: {
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it freely
  readonly spec: any;
}

function build(
  component: Component,
  template: PodTemplate = {},
  more: Partial<Installation> = {},
  namespace = "postfleet",
): Built {
  const installation = anInstallation(more);
  const selector = selectorOf(installation, component);
  const options = { ...podDefaults, podTemplate: template };
  return podTemplate(installation, { component, namespace, selector, args: [], options }) as unknown as Built;
}

const argsOf = (built: Built): string[] => built.spec.containers[0].args;
const after = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

for (const component of ["gateway", "mailbox", "relay"] as const) {
  test(`${component}: Pod Security "restricted" would admit it, and it asks nothing of the API server`, () => {
    const { spec } = build(component);
    const [container] = spec.containers;
    assert.equal(spec.securityContext.runAsNonRoot, true);
    assert.deepEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" });
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    });
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(spec.hostNetwork, undefined);
    const kinds = spec.volumes.flatMap((volume: object) => Object.keys(volume));
    assert.deepEqual(new Set(kinds), new Set(["name", "secret", "emptyDir"]));
    for (const { containerPort } of container.ports) assert.ok(containerPort > 1024);
  });

  test(`${component}: the kubelet waits longer than the daemon drains`, () => {
    for (const asked of [undefined, 15, 30, 600]) {
      const built = build(component, asked === undefined ? {} : { terminationGracePeriodSeconds: asked });
      const { terminationGracePeriodSeconds: limit, containers } = built.spec;
      const before = containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
      const grace = Number(after(argsOf(built), "--grace"));
      assert.ok(grace >= 1 && before + grace + 5 <= limit, `${before} + ${grace} in ${limit}`);
      if (asked !== undefined) assert.equal(limit, asked);
    }
  });
}

test("who has clients goes on listening until they are led elsewhere", () => {
  assert.equal(build("gateway").spec.containers[0].lifecycle.preStop.sleep.seconds, 5);
  assert.equal(build("relay").spec.containers[0].lifecycle, undefined);
});

test("users add labels, annotations and variables, and cannot take the place of ours", () => {
  const built = build("relay", {
    labels: { team: "post", "app.kubernetes.io/component": "gateway" },
    annotations: { note: "x" },
    env: [
      { name: "NATS_URL", value: "nats://elsewhere" },
      { name: "TZ", value: "UTC" },
    ],
  });
  const { metadata, spec } = built;
  assert.equal(metadata.labels["team"], "post");
  assert.equal(metadata.labels["app.kubernetes.io/component"], "relay");
  assert.equal(metadata.annotations["note"], "x");
  const env = new Map(spec.containers[0].env.map((each: { name: string }) => [each.name, each]));
  assert.deepEqual(env.get("NATS_URL"), { name: "NATS_URL", value: "nats://mail-nats.postfleet.svc:4222" });
  assert.deepEqual(env.get("TZ"), { name: "TZ", value: "UTC" });
  // What the plugin starts in the pod asks the daemon beside it.
  const socket = after(argsOf(built), "--api-socket");
  assert.deepEqual(env.get("POSTFLEET_API"), { name: "POSTFLEET_API", value: `unix:${socket}` });
});

test("a service that is not enabled is not listened for", () => {
  const args = argsOf(build("mailbox", {}, { services: services({}, { pop3: { enabled: false } }) }));
  assert.ok(args.includes("pop3=off") && args.includes("pop3s=off"));
  assert.ok(args.includes("imap=0.0.0.0:2143"));
  const { ports } = build("mailbox", {}, { services: services({}, { pop3: { enabled: false } }) }).spec
    .containers[0];
  assert.deepEqual(
    ports.map(({ name }: { name: string }) => name),
    ["imap", "imaps", "managesieve", "health"],
  );
});

test("the installation's certificate is mounted where its Secret is", () => {
  const more = { tls: { secretName: "mail-tls" } };
  const here = build("gateway", {}, more);
  assert.equal(after(argsOf(here), "--tls-cert"), "/etc/postfleet/tls/tls.crt");
  assert.equal(here.spec.volumes.at(-1).secret.secretName, "mail-tls");
  for (const other of [build("gateway", {}, more, "shop"), build("relay", {}, more)]) {
    assert.ok(!argsOf(other).includes("--tls-cert"));
    assert.equal(other.spec.volumes.length, 2);
  }
});

test("an IPv6 address is written as a listener's", () => {
  assert.ok(argsOf(build("gateway", {}, { listenAddress: "::" })).includes("smtp=[::]:2525"));
});

test("a pull secret that both name is there once", () => {
  const image = { reference: "x:1", pullPolicy: "Always", pullSecrets: ["a"] } as const;
  const { spec } = build("relay", { imagePullSecrets: [{ name: "a" }, { name: "b" }] }, { image });
  assert.deepEqual(spec.imagePullSecrets, [{ name: "a" }, { name: "b" }]);
});
