import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryKube } from "../test/harness/kube/memory.ts";
import { finalizer } from "./desired/names.ts";
import { kinds } from "./kube/kinds.ts";
import type { KubeObject } from "./kube/object.ts";
import { KubeError } from "./kube/port.ts";
import { uninstall } from "./uninstall.ts";

const signal = new AbortController().signal;
const ours = { "app.kubernetes.io/instance": "pf", "app.kubernetes.io/managed-by": "postfleet-operator" };
const theirs = { "app.kubernetes.io/instance": "pf", "app.kubernetes.io/managed-by": "Helm" };

const object = (
  apiVersion: string,
  kind: string,
  namespace: string,
  name: string,
  labels = ours,
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { namespace, name, labels },
});
const resource = (
  kind: string,
  namespace: string,
  name: string,
  finalizers: readonly string[],
): KubeObject => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind,
  metadata: { namespace, name, finalizers },
  spec: {},
});

const admission = (kind: string, name: string): KubeObject => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind,
  metadata: { name },
});

async function world(watchNamespaces: readonly string[] = []) {
  const kube = new MemoryKube();
  const objects = [
    { ...object("apps/v1", "Deployment", "mail", "pf-operator", theirs), spec: { replicas: 2 } },
    object("apps/v1", "Deployment", "mail", "pf-gateway"),
    object("v1", "Service", "mail", "pf-smtp"),
    object("v1", "Service", "mail", "pf-nats", theirs),
    object("v1", "Secret", "mail", "pf-keys"),
    object("v1", "Secret", "a", "postfleet-daemon"),
    object("v1", "Secret", "a", "example-dkim"),
    object("apps/v1", "Deployment", "a", "default-relay"),
    object("rbac.authorization.k8s.io/v1", "RoleBinding", "a", "pf-secrets"),
    resource("MailDomain", "a", "example", [finalizer, "other.example/keep"]),
    resource("RelayPolicy", "a", "default", [finalizer]),
    resource("Mailbox", "a", "alice", []),
    admission("MutatingAdmissionPolicy", "pf-finalizers"),
    admission("MutatingAdmissionPolicyBinding", "pf-finalizers"),
    admission("MutatingAdmissionPolicy", "other"),
  ];
  for (const each of objects) await kube.create(each, signal);
  const said: string[] = [];
  const run = () =>
    uninstall({
      kube,
      config: { name: "pf", namespace: "mail", watchNamespaces },
      pause: async () => {},
      say: (text) => void said.push(text),
      signal,
    });
  const names = async (kind: keyof typeof kinds) =>
    (await kube.list(kinds[kind], {}, signal))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      .sort();
  return { kube, run, names, said };
}

test("what the operator made goes; what Helm made, mail's keys and DKIM keys stay; nothing holds a resource", async () => {
  const { kube, run, names } = await world();
  const { problems, released } = await run();
  assert.deepEqual(problems, []);
  assert.equal(released, 2);
  assert.deepEqual(await names("Deployment"), ["mail/pf-operator"]);
  assert.deepEqual(await names("Service"), ["mail/pf-nats"]);
  assert.deepEqual(await names("Secret"), ["a/example-dkim", "mail/pf-keys"]);
  assert.deepEqual(await names("RoleBinding"), []);
  assert.deepEqual(await names("MutatingAdmissionPolicy"), ["undefined/other"]);
  assert.deepEqual(await names("MutatingAdmissionPolicyBinding"), []);
  const domain = await kube.get(kinds.MailDomain, "a", "example", signal);
  assert.deepEqual(domain?.metadata.finalizers, ["other.example/keep"]);
  const operator = await kube.get(kinds.Deployment, "mail", "pf-operator", signal);
  assert.deepEqual(operator?.["spec"], { replicas: 0 });
});

test("in namespaced mode nothing is asked of the whole cluster, and Helm's own bindings are left to it", async () => {
  const { kube, run, names } = await world(["a"]);
  kube.refuse = ({ verb, namespace }) => {
    if ((verb === "list" || verb === "delete") && namespace === undefined)
      throw new KubeError(403, "Forbidden", "not everywhere");
  };
  assert.deepEqual((await run()).problems, []);
  kube.refuse = () => {};
  assert.deepEqual(await names("Deployment"), ["mail/pf-operator"]);
  assert.deepEqual(await names("RoleBinding"), ["a/pf-secrets"]);
});

test("one refusal is told and keeps nothing else from being done", async () => {
  const { kube, run, names } = await world();
  kube.refuse = ({ verb, kind }) => {
    if (verb === "list" && kind === "Service") throw new KubeError(500, "InternalError", "etcd is away");
  };
  const { problems } = await run();
  kube.refuse = () => {};
  assert.deepEqual(problems, ["services are left: etcd is away"]);
  assert.deepEqual(await names("Deployment"), ["mail/pf-operator"]);
  assert.deepEqual((await kube.get(kinds.RelayPolicy, "a", "default", signal))?.metadata.finalizers, []);
});

test("a resource that changed meanwhile is released as it is now", async () => {
  const { kube, run } = await world();
  let conflicts = 0;
  kube.refuse = ({ verb, kind }) => {
    if (verb === "patch" && kind === "MailDomain" && conflicts++ === 0)
      throw new KubeError(409, "Conflict", "changed");
  };
  assert.deepEqual((await run()).problems, []);
  const domain = await kube.get(kinds.MailDomain, "a", "example", signal);
  assert.deepEqual(domain?.metadata.finalizers, ["other.example/keep"]);
});
