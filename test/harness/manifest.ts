/**
 * Resource files for tests that run a real daemon: what people write, as short as they may write it.
 *
 * YAML 1.1, as kubectl reads it: `Off` is put in quotes.
 */
import { stringify } from "yaml";
import type { MailboxSpec, MailDomainSpec, RelayPolicySpec } from "../../crds/types.ts";

/** One YAML document. */
export type Document = Readonly<Record<string, unknown>>;

/** A spec as it is written: whatever has a default may be missing, at any depth. */
type Written<T> = T extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Written<T[Key]> | undefined }
    : T;

const apiVersion = "mail.postfleet.dev/v1alpha1";
const named = (name: string) => ({
  name: name.toLowerCase().replaceAll(/[^a-z0-9.-]/g, "."),
  namespace: "default",
});

export const aDomain = (domain: string, spec: Written<MailDomainSpec> = {}): Document => ({
  apiVersion,
  kind: "MailDomain",
  metadata: named(domain),
  spec: { domain, ...spec },
});

export const aMailbox = (address: string, spec: Written<MailboxSpec> = {}): Document => ({
  apiVersion,
  kind: "Mailbox",
  metadata: named(address),
  spec: { address, ...spec },
});

export const aSecret = (name: string, stringData: Readonly<Record<string, string>>): Document => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "default" },
  stringData,
});

/** A mailbox whose user can log in. */
export const aUser = (
  address: string,
  password: string,
  spec: Written<MailboxSpec> = {},
): readonly Document[] => {
  const { name } = named(address);
  return [aSecret(name, { password }), aMailbox(address, { passwordSecretRef: { name }, ...spec })];
};

/** Soon enough that a test outlives an attempt that came to nothing, as while a disk stands still; later than most tests last. */
const retry = { initial: "15s", factor: 1, max: "15s" } as const;

export const aPolicy = (spec: Written<RelayPolicySpec> = {}, name = "default"): Document => ({
  apiVersion,
  kind: "RelayPolicy",
  metadata: { name, namespace: "default" },
  spec: { retry, ...spec },
});

/** A domain of ours with a mailbox. What this machine sends elsewhere goes to one of its ports, every second until it is taken. */
export const aHome = (port: number): readonly Document[] => [
  aDomain("home.example"),
  aMailbox("ann@home.example"),
  aPolicy({
    acceptFrom: { cidrs: ["127.0.0.1/32"] },
    route: { smarthost: { host: "127.0.0.1", port, tls: "Off" } },
    retry: { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" },
  }),
];

/** The same in another namespace than `default`. */
export const inNamespace =
  (namespace: string) =>
  (document: Document): Document => ({
    ...document,
    metadata: { ...(document["metadata"] as object), namespace },
  });

export const manifest = (...documents: readonly (Document | readonly Document[])[]): string =>
  documents
    .flat()
    .map((document) => stringify(document, { version: "1.1" }))
    .join("---\n");
