/**
 * Puts the secrets that resources refer to beside them: from checked files to what is published to daemons.
 *
 * In:     resources and Secrets without problems, and what is in force for a mailbox, if anything.
 * Out:    `Declared` resources, their passwords as `PasswordBook` keeps them.
 * Fails:  never for a missing Secret (the check has spoken): the mailbox has no login, the smarthost no credential.
 */
import { routesOf } from "../../crds/choices.ts";
import { type Resource, type ResourceOf, type Secret, titleOf } from "../../crds/resource.ts";
import type { AuthSecretRef } from "../../crds/types.ts";
import type { Checked } from "../../crds/validate.ts";
import { credentialId, type Declared, type DeclaredKey, declaredKey } from "../directory/declared.ts";
import type { Credential } from "../directory/directory.ts";
import { domainSecrets } from "../directory/domain-secrets.ts";
import { type Cost, defaultCost } from "./password.ts";
import { PasswordBook, type PasswordSecrets, type Passwords } from "./password-book.ts";

/** What daemons know now. */
export type SecretsInForce = (mailbox: DeclaredKey) => PasswordSecrets | undefined;

/** Passwords hashed at once: each takes a thread for tens of milliseconds. */
const threads = 2;

export class SecretResolver {
  readonly #book: PasswordBook;

  constructor(cost: Cost & { readonly iterations?: number } = defaultCost) {
    this.#book = new PasswordBook(cost);
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
        const secrets = await this.#book.secrets(key, vault.passwords(resource), inForce(key));
        return { kind, namespace, name, spec: resource.spec, ...secrets };
      }
    }
  }
}

class Vault {
  readonly #secrets: ReadonlyMap<string, Secret>;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = new Map(secrets.map((secret) => [titleOf(secret), secret]));
  }

  passwords({ namespace, spec }: ResourceOf<"Mailbox">): Passwords {
    const ref = spec.passwordSecretRef;
    const main = ref && this.#read(namespace, ref.name, ref.key);
    const apps = spec.appPasswords.flatMap(({ name, secretRef }) => {
      const password = this.#read(namespace, secretRef.name, secretRef.key);
      return password === undefined ? [] : [{ name, password }];
    });
    return { ...(main === undefined ? {} : { main }), apps };
  }

  credentials({ namespace, spec }: ResourceOf<"RelayPolicy">): Readonly<Record<string, Credential>> {
    const found: Record<string, Credential> = {};
    for (const { smarthost } of routesOf(spec)) {
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
