/**
 * Puts the secrets that resources refer to beside them: from checked files to what is published to daemons.
 *
 * In:     resources and Secrets without problems, and the hash that is in force for a mailbox, if any.
 * Out:    `Declared` resources. A password in plain text is hashed, unless the hash in force still fits it.
 * Fails:  never for a missing Secret (the check has spoken): the mailbox has no login, the smarthost no credential.
 */
import { createHmac, randomBytes } from "node:crypto";
import { isHash } from "../../crds/password.ts";
import { type Resource, type ResourceOf, type Secret, titleOf } from "../../crds/resource.ts";
import type { AuthSecretRef } from "../../crds/types.ts";
import type { Checked } from "../../crds/validate.ts";
import { credentialId, type Declared, type DeclaredKey, declaredKey } from "../directory/declared.ts";
import type { Credential } from "../directory/directory.ts";
import { type Cost, defaultCost, fits, hashPassword } from "./password.ts";

/** The hash that daemons know now. */
export type HashInForce = (mailbox: DeclaredKey) => string | undefined;

/** Passwords hashed at once: each takes a thread for tens of milliseconds. */
const threads = 2;

export class SecretResolver {
  readonly #cost: Cost;
  /** What was hashed last, so that a reload costs nothing for passwords that are what they were. */
  readonly #known = new Map<DeclaredKey, { readonly digest: string; readonly hash: string }>();
  readonly #key = randomBytes(32);

  constructor(cost: Cost = defaultCost) {
    this.#cost = cost;
  }

  async declare(
    { resources, secrets }: Pick<Checked, "resources" | "secrets">,
    inForce: HashInForce,
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

  async #declareOne(resource: Resource, vault: Vault, inForce: HashInForce): Promise<Declared> {
    const { kind, namespace, name } = resource;
    switch (kind) {
      case "MailDomain":
        return { kind, namespace, name, spec: resource.spec };
      case "RelayPolicy":
        return { kind, namespace, name, spec: resource.spec, credentials: vault.credentials(resource) };
      case "Mailbox": {
        const key = declaredKey(resource);
        const password = vault.password(resource);
        const hash = password === undefined ? undefined : await this.#hash(key, password, inForce(key));
        return {
          kind,
          namespace,
          name,
          spec: resource.spec,
          ...(hash === undefined ? {} : { passwordHash: hash }),
        };
      }
    }
  }

  async #hash(mailbox: DeclaredKey, password: string, inForce: string | undefined): Promise<string> {
    if (isHash(password)) return password;
    const digest = createHmac("sha256", this.#key).update(password).digest("base64");
    const known = this.#known.get(mailbox);
    if (known?.digest === digest) return known.hash;
    const still = inForce !== undefined && (await fits(password, inForce));
    const hash = still ? inForce : await hashPassword(password, this.#cost);
    this.#known.set(mailbox, { digest, hash });
    return hash;
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

  #read(namespace: string, name: string, key: string): string | undefined {
    return this.#secrets.get(titleOf({ kind: "Secret", namespace, name }))?.data.get(key);
  }
}
