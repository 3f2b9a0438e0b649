/**
 * Puts the secrets that resources refer to beside them: from checked files to what is published to daemons.
 *
 * In:     resources and Secrets, and what is in force for a mailbox, if anything.
 * Out:    `Declared` resources, their passwords as `PasswordBook` keeps them.
 * Fails:  never for a missing Secret or a value that is of no use (the check has spoken): the mailbox has no login, the
 *         smarthost no credential. A hash of another program is never taken for the password itself.
 */
import { filtersOf, routesOf } from "../../crds/choices.ts";
import { filterPasswordFault } from "../../crds/filter-password.ts";
import { hookSecretFault } from "../../crds/hook-secret.ts";
import { passwordFault } from "../../crds/password.ts";
import { type Resource, type ResourceOf, type Secret, titleOf } from "../../crds/resource.ts";
import type { AuthSecretRef } from "../../crds/types.ts";
import type { Checked } from "../../crds/validate.ts";
import { credentialId, type Declared, type DeclaredKey, declaredKey } from "../directory/declared.ts";
import type { Credential } from "../directory/directory.ts";
import { domainSecrets } from "../directory/domain-secrets.ts";
import { type FilterSecrets, filterSecretId } from "../directory/filters.ts";
import type { HookSecrets } from "../directory/hooks.ts";
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
        const more = { ...vault.hookSecrets(resource), ...vault.filterSecrets(resource) };
        return { kind, namespace, name, spec: resource.spec, ...secrets, ...more };
      }
      case "RelayPolicy": {
        const secrets = { credentials: vault.credentials(resource), ...vault.hookSecrets(resource) };
        return { kind, namespace, name, spec: resource.spec, ...secrets };
      }
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
    const main = ref && this.#password(namespace, ref);
    const apps = spec.appPasswords.flatMap(({ name, secretRef }) => {
      const password = this.#password(namespace, secretRef);
      return password === undefined ? [] : [{ name, password }];
    });
    return { ...(main === undefined ? {} : { main }), apps };
  }

  #password(
    namespace: string,
    { name, key }: { readonly name: string; readonly key: string },
  ): string | undefined {
    const value = this.#read(namespace, name, key);
    return value === undefined || passwordFault(value) !== undefined ? undefined : value;
  }

  /** One that signs nothing is as good as none. */
  hookSecrets({ namespace, spec }: ResourceOf<"MailDomain"> | ResourceOf<"RelayPolicy">): {
    readonly hookSecrets?: HookSecrets;
  } {
    const found = (spec.webhooks ?? []).flatMap(({ name, secretRef }) => {
      const value = this.#read(namespace, secretRef.name, secretRef.key);
      return value === undefined || hookSecretFault(value) !== undefined ? [] : [[name, value] as const];
    });
    return found.length === 0 ? {} : { hookSecrets: Object.fromEntries(found) };
  }

  filterSecrets({ namespace, spec }: ResourceOf<"MailDomain">): { readonly filterSecrets?: FilterSecrets } {
    const found = filtersOf(spec).flatMap(({ rspamd }) => {
      const ref = rspamd?.passwordSecretRef;
      const value = ref && this.#read(namespace, ref.name, ref.key);
      if (ref === undefined || value === undefined || filterPasswordFault(value) !== undefined) return [];
      return [[filterSecretId(ref), value] as const];
    });
    return found.length === 0 ? {} : { filterSecrets: Object.fromEntries(found) };
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
