/**
 * A resource as it is published to daemons: its spec with defaults applied, and the secrets it refers to.
 */
import type { AuthSecretRef, MailboxSpec, MailDomainSpec, RelayPolicySpec } from "../../crds/types.ts";
import type { Branded } from "../kit/brand.ts";
import type { Credential, DkimSecret, TlsSecret } from "./directory.ts";
import type { FilterSecrets } from "./filters.ts";
import type { HookSecrets } from "./hooks.ts";

interface Named {
  readonly namespace: string;
  readonly name: string;
  /** What the publisher calls the state that it was made from; the same words later: nothing needs to be made again. */
  readonly source?: string;
  /** It is being deleted: what is queued goes on, nothing new is accepted. */
  readonly draining?: true;
}

export interface DeclaredDomain extends Named {
  readonly kind: "MailDomain";
  readonly spec: MailDomainSpec;
  /** Keys for signatures, the oldest first; absent: nothing is signed. */
  readonly dkim?: readonly DkimSecret[];
  /** For connections to the domain's host names. */
  readonly tls?: TlsSecret;
  /** What signs webhooks, by the hook's name; what is missing could not be read. */
  readonly hookSecrets?: HookSecrets;
  /** The passwords of its content filters; what is missing could not be read. */
  readonly filterSecrets?: FilterSecrets;
}

export interface DeclaredMailbox extends Named {
  readonly kind: "Mailbox";
  readonly spec: MailboxSpec;
  /** PHC string; absent: nobody can log in. */
  readonly passwordHash?: string;
  /** As `kit/scram-verifier` writes it; absent where the Secret holds a hash. */
  readonly scram?: string;
  /** Those of the spec whose Secret could be read. */
  readonly appPasswords?: readonly DeclaredAppPassword[];
}

/** What `spec.appPasswords` has under this name. */
export interface DeclaredAppPassword {
  readonly name: string;
  /** PHC string; of the same salt and cost as the mailbox's others where all were known in plain text. */
  readonly hash: string;
  /** Of the same salt and iterations as the mailbox's own verifier. */
  readonly scram?: string;
}

export interface DeclaredPolicy extends Named {
  readonly kind: "RelayPolicy";
  readonly spec: RelayPolicySpec;
  /** By `credentialId` of the references in the spec; what is missing could not be read. */
  readonly credentials: Readonly<Record<string, Credential>>;
  /** As a domain's. */
  readonly hookSecrets?: HookSecrets;
}

export type Declared = DeclaredDomain | DeclaredMailbox | DeclaredPolicy;

/** `Kind/namespace/name` */
export type DeclaredKey = Branded<string, "DeclaredKey">;

export const declaredKey = ({ kind, namespace, name }: Pick<Declared, "kind" | "namespace" | "name">) =>
  `${kind}/${namespace}/${name}` as DeclaredKey;

export const credentialId = ({ name, usernameKey, passwordKey }: AuthSecretRef): string =>
  `${name}/${usernameKey}/${passwordKey}`;
