/**
 * Puts the secrets that resources refer to beside them: from checked files to what is published to daemons.
 *
 * In:     resources and Secrets without problems, and what is in force for a mailbox, if anything.
 * Out:    `Declared` resources. A password in plain text is hashed, and a SCRAM verifier made from it, unless what is in
 *         force still fits it. A hash allows no verifier.
 * Fails:  never for a missing Secret (the check has spoken): the mailbox has no login, the smarthost no credential.
 */
import { createHmac, randomBytes } from "node:crypto";
import { isHash } from "../../crds/password.ts";
import { type Resource, type ResourceOf, type Secret, titleOf } from "../../crds/resource.ts";
import type { AuthSecretRef } from "../../crds/types.ts";
import type { Checked } from "../../crds/validate.ts";
import {
  credentialId,
  type Declared,
  type DeclaredKey,
  type DeclaredMailbox,
  declaredKey,
} from "../directory/declared.ts";
import type { Credential } from "../directory/directory.ts";
import { domainSecrets } from "../directory/domain-secrets.ts";
import { formatScramVerifier, parseScramVerifier } from "../kit/scram-verifier.ts";
import { type Cost, defaultCost, fits, hashPassword } from "./password.ts";
import { defaultIterations, deriveVerifier, fitsVerifier } from "./sasl/scram-keys.ts";

/** What is kept of a password. */
export type PasswordSecrets = Pick<DeclaredMailbox, "passwordHash" | "scram">;

/** What daemons know now. */
export type SecretsInForce = (mailbox: DeclaredKey) => PasswordSecrets | undefined;

/** Passwords hashed at once: each takes a thread for tens of milliseconds. */
const threads = 2;

export class SecretResolver {
  readonly #cost: Cost & { readonly iterations: number };
  /** What was hashed last, so that a reload costs nothing for passwords that are what they were. */
  readonly #known = new Map<DeclaredKey, { readonly digest: string; readonly secrets: PasswordSecrets }>();
  readonly #key = randomBytes(32);

  constructor(cost: Cost & { readonly iterations?: number } = defaultCost) {
    this.#cost = { iterations: defaultIterations, ...cost };
  }

  async declare(
    { resources, secrets }: Pick<Checked, "resources" | "secrets">,
    inForce: SecretsInForce,
  ): Promise<readonly Declared[]> {
    const vault = new Vault(secrets);
    const queue = resources.entries();
    const declared: Declared[] = [];
    const work = async () => {
      for (const [i, resource] of queue) declared[i] = await this.#declareOne(resource, vault, inForce);
    };
    await Promise.all(Array.from({ length: threads }, work));
    return declared;
  }

  async #declareOne(resource: Resource, vault: Vault, inForce: SecretsInForce): Promise<Declared> {
    const { kind, namespace, name } = resource;
    switch (kind) {
      case "MailDomain": {
        const secrets = domainSecrets(resource.spec, (secret) => vault.data(namespace, secret));
        return { kind, namespace, name, spec: resource.spec, ...secrets };
      }
      case "RelayPolicy":
        return { kind, namespace, name, spec: resource.spec, credentials: vault.credentials(resource) };
      case "Mailbox": {
        const key = declaredKey(resource);
        const password = vault.password(resource);
        const secrets = password === undefined ? {} : await this.#secrets(key, password, inForce(key));
        return { kind, namespace, name, spec: resource.spec, ...secrets };
      }
    }
  }

  async #secrets(
    mailbox: DeclaredKey,
    password: string,
    inForce: PasswordSecrets | undefined,
  ): Promise<PasswordSecrets> {
    if (isHash(password)) return { passwordHash: password };
    const digest = createHmac("sha256", this.#key).update(password).digest("base64");
    const known = this.#known.get(mailbox);
    if (known?.digest === digest) return known.secrets;
    const secrets = {
      passwordHash: await this.#hash(password, inForce?.passwordHash),
      scram: await this.#verifier(password, inForce?.scram),
    };
    this.#known.set(mailbox, { digest, secrets });
    return secrets;
  }

  async #hash(password: string, inForce: string | undefined): Promise<string> {
    const still = inForce !== undefined && (await fits(password, inForce));
    return still ? inForce : hashPassword(password, this.#cost);
  }

  async #verifier(password: string, inForce: string | undefined): Promise<string> {
    const kept = inForce === undefined ? undefined : parseScramVerifier(inForce);
    const still = kept !== undefined && (await fitsVerifier(password, kept));
    return formatScramVerifier(still ? kept : await deriveVerifier(password, this.#cost.iterations));
  }
}

class Vault {
  readonly #secrets: ReadonlyMap<string, Secret>;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = new Map(secrets.map((secret) => [titleOf(secret), secret]));
  }

  password({ namespace, spec }: ResourceOf<"Mailbox">): string | undefined {
    const ref = spec.passwordSecretRef;
    return ref && this.#read(namespace, ref.name, ref.key);
  }

  credentials({ namespace, spec }: ResourceOf<"RelayPolicy">): Readonly<Record<string, Credential>> {
    const found: Record<string, Credential> = {};
    for (const { smarthost } of [spec.route, ...spec.destinations.map(({ route }) => route ?? {})]) {
      const ref = smarthost?.authSecretRef;
      const credential = ref && this.#credential(namespace, ref);
      if (credential) found[credentialId(ref)] = credential;
    }
    return found;
  }

  #credential(namespace: string, { name, usernameKey, passwordKey }: AuthSecretRef): Credential | undefined {
    const username = this.#read(namespace, name, usernameKey);
    const password = this.#read(namespace, name, passwordKey);
    return username === undefined || password === undefined ? undefined : { username, password };
  }

  data(namespace: string, name: string): Secret["data"] | undefined {
    return this.#secrets.get(titleOf({ kind: "Secret", namespace, name }))?.data;
  }

  #read(namespace: string, name: string, key: string): string | undefined {
    return this.data(namespace, name)?.get(key);
  }
}
