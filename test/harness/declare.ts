/**
 * Resources for tests, short: what a test does not care about has the defaults of the CRDs.
 */
import {
  type Alias,
  type AppPassword,
  defaultRelayPolicy,
  type Inbound,
  type MailboxSpec,
  type MailDomainSpec,
  type RelayPolicySpec,
} from "../../crds/types.ts";
import type {
  DeclaredAppPassword,
  DeclaredDomain,
  DeclaredMailbox,
  DeclaredPolicy,
} from "../../daemon/directory/declared.ts";

interface Place {
  readonly namespace?: string;
  readonly name?: string;
}

/** `aliases` may be short: `{ sales: ["alice@example.test"] }`. */
export function aDomain(
  domain: string,
  spec: Partial<Omit<MailDomainSpec, "aliases" | "inbound">> & {
    inbound?: Partial<Inbound>;
    aliases?: Readonly<Record<string, readonly string[]>>;
  } = {},
  { namespace = "default", name = domain }: Place = {},
): DeclaredDomain {
  const aliases = Object.entries(spec.aliases ?? {}).map(([alias, to]): Alias => ({ name: alias, to }));
  const defaults = {
    limits: {},
    plusAddressing: { separator: "+" },
    delivery: { mailbox: {} },
    relayPolicyRef: { name: "default" },
    inbound: {
      spf: { fail: "Mark", softFail: "Mark" },
      dkim: { fail: "Mark" },
      dmarc: { none: "Mark", quarantine: "Junk", reject: "Reject" },
      filters: [],
      helo: { ownName: "Off", literal: "Off", unqualified: "Off", unresolvable: "Off" },
      reverseDns: { missing: "Off", mismatch: "Off" },
      dnsLists: { lists: [] },
      greylisting: { enabled: false, delay: "5m", within: "2d", keep: "36d", allowAfter: 5 },
      tarpit: { after: 20, first: "1s", longest: "15s" },
    },
    outbound: { filters: [] },
    mtaSts: { mode: "None", maxAge: "7d" },
    hostnames: [],
    dkim: { selector: "postfleet", algorithms: ["Rsa2048", "Ed25519"], retention: "7d" },
    webhooks: [],
    deletionPolicy: "Drain",
    deletionTimeout: "1h",
  } satisfies Partial<MailDomainSpec>;
  const inbound = { ...defaults.inbound, ...spec.inbound };
  return { kind: "MailDomain", namespace, name, spec: { ...defaults, ...spec, inbound, domain, aliases } };
}

/** Scopes of an app password are those of the CRD unless they are given. */
export type PasswordSecretsGiven = Pick<DeclaredMailbox, "passwordHash" | "scram"> & {
  readonly apps?: readonly (Omit<DeclaredAppPassword, "name"> & {
    readonly name: string;
    readonly scopes?: AppPassword["scopes"];
  })[];
};

export function aMailbox(
  address: string,
  spec: Partial<Omit<MailboxSpec, "appPasswords">> & PasswordSecretsGiven = {},
  { namespace = "default", name = address.replace("@", ".") }: Place = {},
): DeclaredMailbox {
  const { passwordHash, scram, apps, ...given } = spec;
  const defaults = {
    aliases: [],
    appPasswords: [],
    forwardTo: [],
    keepCopy: true,
    sentCopy: false,
    suspended: false,
    deletionPolicy: "Retain",
  } as const;
  return {
    kind: "Mailbox",
    namespace,
    name,
    spec: {
      ...defaults,
      ...given,
      ...(apps === undefined
        ? {}
        : { appPasswords: apps.map(({ name: app, scopes }) => specOf(app, scopes)) }),
      address,
    },
    ...(apps === undefined ? {} : { appPasswords: apps.map(({ scopes: _, ...app }) => app) }),
    ...(passwordHash === undefined ? {} : { passwordHash }),
    ...(scram === undefined ? {} : { scram }),
  };
}

const specOf = (name: string, scopes: AppPassword["scopes"] = ["SMTP", "IMAP", "POP3"]): AppPassword => ({
  name,
  secretRef: { name, key: "password" },
  scopes,
});

export function aPolicy(
  spec: Partial<RelayPolicySpec> = {},
  place: Place & { readonly credentials?: DeclaredPolicy["credentials"] } = {},
): DeclaredPolicy {
  const { namespace = "default", name = "default", credentials = {} } = place;
  return { kind: "RelayPolicy", namespace, name, spec: { ...defaultRelayPolicy, ...spec }, credentials };
}
