import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, at, services } from "../../test/harness/installation.ts";
import type { ServiceOptions } from "./installation.ts";
import { setServices } from "./service.ts";

const here = { namespace: "postfleet" };
const smtp = (options: Partial<ServiceOptions>) =>
  setServices(anInstallation({ services: services(options) }), "gateway", here)[0];

test("clients use the ports of the standards; pods need no right for those they listen on", () => {
  const all = [
    ...setServices(anInstallation(), "gateway", here),
    ...setServices(anInstallation(), "mailbox", here),
  ];
  const ports = all.flatMap((object) =>
    at(object, "spec.ports").map(
      (port: { port: number; targetPort: string }) => `${port.port} ${port.targetPort}`,
    ),
  );
  assert.deepEqual(ports, [
    "25 smtp",
    "587 submission",
    "465 submissions",
    "143 imap",
    "993 imaps",
    "4190 managesieve",
    "110 pop3",
    "995 pop3s",
  ]);
});

test("fields that a type of Service has not are not in it", () => {
  const all = {
    externalTrafficPolicy: "Local",
    loadBalancerClass: "x/y",
    loadBalancerSourceRanges: ["10.0.0.0/8"],
    nodePorts: { smtp: 30025 },
  } as const;
  const inside = at(smtp({ ...all, type: "ClusterIP" }), "spec");
  assert.deepEqual(Object.keys(inside), ["type", "ipFamilyPolicy", "selector", "ports"]);
  assert.equal(inside.ports[0].nodePort, undefined);
  const node = at(smtp({ ...all, type: "NodePort" }), "spec");
  assert.equal(node.externalTrafficPolicy, "Local");
  assert.equal(node.ports[0].nodePort, 30025);
  assert.equal(node.loadBalancerClass, undefined);
  const balanced = at(smtp({ ...all, type: "LoadBalancer" }), "spec");
  assert.equal(balanced.loadBalancerClass, "x/y");
  assert.deepEqual(balanced.loadBalancerSourceRanges, ["10.0.0.0/8"]);
});

test("a service that is not enabled is not there", () => {
  const installation = anInstallation({ services: services({}, { pop3: { enabled: false } }) });
  assert.deepEqual(
    setServices(installation, "mailbox", here).map(({ metadata }) => metadata.name),
    ["mail-imap"],
  );
});

test("MTA-STS policies are served by HTTPS, when that is wanted", () => {
  const on = anInstallation({ services: services({}, { mtaSts: { enabled: true, type: "LoadBalancer" } }) });
  const object = setServices(on, "gateway", here).at(-1);
  assert.equal(object?.metadata.name, "mail-mta-sts");
  assert.deepEqual(at(object, "spec.ports"), [
    { name: "mta-sts", port: 443, protocol: "TCP", targetPort: "mta-sts" },
  ]);
});
