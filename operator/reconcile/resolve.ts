/**
 * Puts the Secrets that a resource refers to beside it and hands it to the publication.
 *
 * In:     an accepted resource, and the names of its Secrets.
 * Out:    `published`: decided, with a sentence for each thing that its Secrets lack or that is of no use there (it is
 *         published without that); `waiting`: the Secrets of the namespace are not known yet.
 * Costs:  as long as spec and Secrets are what the record in force was made from, no Secret is read and nothing is
 *         hashed. A record that lacks something is made again after a restart, so that what it lacks is known.
 */
import { hash } from "node:crypto";
import type { ResourceOf, Secret } from "../../crds/resource.ts";
import type { Kind } from "../../crds/schema.ts";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { SecretFaults } from "../status/facts.ts";
import type { Publication } from "./publication.ts";
import { garbled, lacking, secretOf } from "./secret-content.ts";
import type { Secrets } from "./secrets.ts";

/** Makes of a resource and its Secrets what daemons are told. `operator/store` implements it. */
export type Declare = (resource: ResourceOf<Kind>, secrets: readonly Secret[]) => Promise<Declared>;

export interface SecretNeed {
  readonly name: string;
  readonly keys: readonly string[];
  /** What is wrong with what it holds, in words that name the remedy. Keys that are not there are no matter of it. */
  readonly check?: (data: ReadonlyMap<string, string>) => readonly string[];
}

export type Resolved = ({ readonly kind: "published" } & SecretFaults) | { readonly kind: "waiting" };

const waiting: Resolved = { kind: "waiting" };
const faultless: SecretFaults = { missing: [], unusable: [] };

export const faultsOf = (resolved: Resolved | undefined): SecretFaults =>
  resolved?.kind === "published" ? resolved : faultless;
/** What a record is called whose Secrets lacked something. */
const incomplete = "incomplete";

export class Resolver {
  readonly #secrets: Secrets;
  readonly #publication: Publication;
  readonly #declare: Declare;
  /** What was wrong with the Secrets of records that this process made. */
  readonly #faulty = new Map<string, { readonly source: string; readonly faults: SecretFaults }>();

  constructor(secrets: Secrets, publication: Publication, declare: Declare) {
    this.#secrets = secrets;
    this.#publication = publication;
    this.#declare = declare;
  }

  /** `more` is published beside the spec, such as that the domain is being given up. */
  async publish(
    resource: ResourceOf<Kind>,
    needs: readonly SecretNeed[],
    signal: AbortSignal,
    more: object = {},
  ): Promise<Resolved> {
    const key = `${resource.kind}/${resource.namespace}/${resource.name}`;
    const versions = this.#versionsOf(resource.namespace, needs);
    if (versions === undefined) {
      this.#publication.expect(resource);
      return waiting;
    }
    const state = digest(JSON.stringify([resource.spec, versions, more]));
    const known = this.#faulty.get(key);
    if (known?.source.endsWith(state) && this.#publication.holds(resource, known.source)) {
      this.#publication.hold(resource, known.source);
      return { kind: "published", ...known.faults };
    }
    if (this.#publication.holds(resource, state)) {
      this.#publication.hold(resource, state);
      return { kind: "published", ...faultless };
    }
    const { secrets, faults } = await this.#read(resource.namespace, needs, signal);
    const whole = faults.missing.length + faults.unusable.length === 0;
    const source = whole ? state : `${incomplete} ${state}`;
    if (whole) this.#faulty.delete(key);
    else this.#faulty.set(key, { source, faults });
    if (this.#publication.holds(resource, source)) {
      this.#publication.hold(resource, source);
      return { kind: "published", ...faults };
    }
    const declared = await this.#declare(resource, secrets);
    this.#publication.set({ ...declared, ...more, source });
    return { kind: "published", ...faults };
  }

  /** It is not published (any more). */
  withdraw(resource: Pick<ResourceOf<Kind>, "kind" | "namespace" | "name">): void {
    this.#faulty.delete(`${resource.kind}/${resource.namespace}/${resource.name}`);
    this.#publication.remove(resource);
  }

  #versionsOf(namespace: string, needs: readonly SecretNeed[]): readonly string[] | undefined {
    const versions: string[] = [];
    for (const { name, keys } of needs) {
      const version = this.#secrets.versionOf(namespace, name);
      if (version.kind === "unknown") return undefined;
      versions.push(`${name}/${keys}/${version.kind === "present" ? version.version : ""}`);
    }
    return versions;
  }

  async #read(namespace: string, needs: readonly SecretNeed[], signal: AbortSignal) {
    const secrets = new Map<string, Secret>();
    const missing: string[] = [];
    const unusable: string[] = [];
    for (const { name, keys, check } of needs) {
      const present = this.#secrets.versionOf(namespace, name).kind === "present";
      const content = present ? await this.#secrets.read(namespace, name, signal) : undefined;
      missing.push(...lacking(name, keys, content));
      if (!content) continue;
      const secret = secretOf(namespace, name, content);
      secrets.set(name, secret);
      const faults = [...garbled(keys, content), ...(check?.(secret.data) ?? [])];
      unusable.push(...faults.map((fault) => `Secret ${name}: ${fault}`));
    }
    // Several needs may lead into one Secret: what it lacks for all of them is said once.
    return { secrets: [...secrets.values()], faults: { missing: [...new Set(missing)], unusable } };
  }
}

const digest = (text: string): string => hash("sha256", text, "base64url");
