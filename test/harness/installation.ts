/**
 * An installation and policies for tests of the operator's builders, short: what a test does not care about has defaults.
 */
import { type Autoscaling, defaultRelayPolicy, type RelayPolicySpec } from "../../crds/types.ts";
import type { Policy } from "../../operator/desired/deployment.ts";
import {
  completeInstallation,
  type Installation,
  type ServiceName,
  type ServiceOptions,
  type SetOptions,
  serviceDefaults,
  setDefaults,
} from "../../operator/desired/installation.ts";
import type { KubeObject, OwnerReference } from "../../operator/kube/object.ts";

export const anInstallation = (more: Partial<Installation> = {}): Installation =>
  completeInstallation({
    name: "mail",
    namespace: "postfleet",
    hostname: "mail.example.org",
    image: { reference: "postfleet:1.2.3", pullPolicy: "IfNotPresent", pullSecrets: [] },
    nats: { mode: "Included", urls: ["nats://mail-nats.postfleet.svc:4222"], replicas: 3, routes: [] },
    ...more,
  });

export const aSet = (more: Partial<SetOptions> = {}): SetOptions => ({ ...setDefaults, ...more });

export const services = (
  each: Partial<ServiceOptions>,
  more: Partial<Record<ServiceName, Partial<ServiceOptions>>> = {},
): Installation["services"] => ({
  smtp: { ...serviceDefaults, ...each, ...more.smtp },
  submission: { ...serviceDefaults, ...each, ...more.submission },
  imap: { ...serviceDefaults, ...each, ...more.imap },
  pop3: { ...serviceDefaults, ...each, ...more.pop3 },
  mtaSts: { ...serviceDefaults, ...each, enabled: false, ...more.mtaSts },
});

export const owner = (kind: string, name: string): OwnerReference => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind,
  name,
  uid: "7f3e1c9a-0000-4000-8000-000000000001",
  controller: true,
  blockOwnerDeletion: true,
});

export const aRelayPolicy = (
  spec: Partial<Omit<RelayPolicySpec, "autoscaling">> & { readonly autoscaling?: Partial<Autoscaling> } = {},
  name = "default",
): Policy => ({
  namespace: "shop",
  name,
  spec: {
    ...defaultRelayPolicy,
    ...spec,
    autoscaling: { ...defaultRelayPolicy.autoscaling, ...spec.autoscaling },
  },
  owner: owner("RelayPolicy", name),
});

/** The field at a path such as `spec.template.spec`, of whatever shape. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of many kinds
export const at = (object: KubeObject | undefined, path: string): any =>
  path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
