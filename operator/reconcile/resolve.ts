/**
 * Puts the Secrets that a resource refers to beside it and hands it to the publication.
 *
 * In:     an accepted resource, and the names of its Secrets.
 * Out:    `published`: decided, with a sentence for each thing that its Secrets lack (it is published without that);
 *         `waiting`: the Secrets of the namespace are not known yet.
 * Costs:  as long as spec and Secrets are what the record in force was made from, no Secret is read and nothing is
 *         hashed. A record that lacks something is made again after a restart, so that what it lacks is known.
 */
import { createHash } from "node:crypto";
import type { ResourceOf, Secret } from "../../crds/resource.ts";
import type { Kind } from "../../crds/schema.ts";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { Publication } from "./publication.ts";
import type { SecretContent, Secrets } from "./secrets.ts";

/** Makes of a resource and its Secrets what daemons are told. `operator/store` implements it. */
export type Declare = (resource: ResourceOf<Kind>, secrets: readonly Secret[]) => Promise<Declared>;

export interface SecretNeed {
  readonly name: string;
  readonly keys: readonly string[];
  /** What is wrong with what it holds, in words that name the remedy. */
  readonly check?: (data: ReadonlyMap<string, string>) => string | undefined;
}

export type Resolved =
  | { readonly kind: "published"; readonly missing: readonly string[] }
  | { readonly kind: "waiting" };

const waiting: Resolved = { kind: "waiting" };
/** What a record is called whose Secrets lacked something. */
const incomplete = "incomplete";

export class Resolver {
  readonly #secrets: Secrets;
  readonly #publication: Publication;
  readonly #declare: Declare;
  /** What was lacking in the records that this process made. */
  readonly #missing = new Map<string, { readonly source: string; readonly missing: readonly string[] }>();

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
    const known = this.#missing.get(key);
    if (known?.source.endsWith(state) && this.#publication.holds(resource, known.source)) {
      this.#publication.hold(resource, known.source);
      return { kind: "published", missing: known.missing };
    }
    if (this.#publication.holds(resource, state)) {
      this.#publication.hold(resource, state);
      return { kind: "published", missing: [] };
    }
    const { secrets, missing } = await this.#read(resource.namespace, needs, signal);
    const source = missing.length === 0 ? state : `${incomplete} ${state}`;
    if (missing.length === 0) this.#missing.delete(key);
    else this.#missing.set(key, { source, missing });
    if (this.#publication.holds(resource, source)) {
      this.#publication.hold(resource, source);
      return { kind: "published", missing };
    }
    const declared = await this.#declare(resource, secrets);
    this.#publication.set({ ...declared, ...more, source });
    return { kind: "published", missing };
  }

  /** It is not published (any more). */
  withdraw(resource: Pick<ResourceOf<Kind>, "kind" | "namespace" | "name">): void {
    this.#missing.delete(`${resource.kind}/${resource.namespace}/${resource.name}`);
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
    for (const { name, keys, check } of needs) {
      const present = this.#secrets.versionOf(namespace, name).kind === "present";
      const content = present ? await this.#secrets.read(namespace, name, signal) : undefined;
      const secret = content && secretOf(namespace, name, content);
      if (secret) secrets.set(name, secret);
      const lacks = lacking(name, keys, content);
      const fault = secret && lacks.length === 0 ? check?.(secret.data) : undefined;
      missing.push(...lacks, ...(fault === undefined ? [] : [`Secret ${name}: ${fault}`]));
    }
    return { secrets: [...secrets.values()], missing };
  }
}

const digest = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** A final line end, which editors and `--from-file` leave behind, is cut off. */
const secretOf = (namespace: string, name: string, content: SecretContent): Secret => ({
  kind: "Secret",
  namespace,
  name,
  data: new Map([...content].map(([key, octets]) => [key, octets.toString("utf8").replace(/\r?\n$/, "")])),
});

function lacking(name: string, keys: readonly string[], content: SecretContent | undefined): string[] {
  if (!content) return [`there is no Secret ${name}; add it, or correct the name`];
  return keys
    .filter((key) => !content.get(key)?.length)
    .map((key) => {
      if (content.has(key)) return `key ${key} of Secret ${name} is empty; put a value there`;
      const others = [...content.keys()].join(", ") || "none";
      return `Secret ${name} has no key ${key} (its keys: ${others}); add it, or correct the key`;
    });
}
