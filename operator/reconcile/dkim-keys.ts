/**
 * DKIM keys of a domain that names no Secret for them: made here, into a Secret that the MailDomain owns.
 *
 * In:     the MailDomain, the metadata of its Secret, and whether DNS shows the records of the current keys.
 * Out:    what belongs into DNS. Keys that are lacking are made, a few at a time, in threads: nothing waits for them, and
 *         the Secret's appearance wakes the domain. A new selector gets new keys beside the old ones; these go when DNS
 *         has shown the new ones for as long as `retention` says.
 * Secret: `<selector>.pem` a key. An annotation says what belongs into DNS, so that no key is read for that.
 * Fails:  never; what could not be made is made when the domain is looked at again.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { dkimRecord, makeDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { dkimSecretName } from "../desired/names.ts";
import { apiGroup, kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Kube } from "../kube/port.ts";
import { keyOf, type MailDomain, namespaceOf, ownerOf } from "./resources.ts";

export interface DkimRecord {
  readonly selector: string;
  /** The text of the TXT record. */
  readonly record: string;
}

/** What the annotation says. */
interface Told {
  readonly records: readonly DkimRecord[];
  /** Since when DNS shows the current keys, RFC 3339; absent: it does not, or there are no others. */
  readonly succeeded?: string;
}

export interface DkimView {
  readonly records: readonly DkimRecord[];
  /** Keys are lacking, and on their way. */
  readonly making: boolean;
  /** When former keys may go, ms from now. */
  readonly wakeMs?: number;
}

export interface DkimKeysOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly labels: Readonly<Record<string, string>>;
  /** Resolves when nothing more urgent is to be done. */
  readonly calm: () => Promise<void>;
  /** Calls when keys could not be stored. */
  readonly onFailure: (key: string) => void;
}

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export const dkimAnnotation = `${apiGroup}/dkim`;
const nothing: Told = { records: [] };
/** Domains whose keys are made at one time. */
const atOnce = 4;

export class DkimKeys implements AsyncDisposable {
  readonly #options: DkimKeysOptions;
  /** Those whose turn has not come, the newest last: it is the next, since somebody may be waiting for it. */
  readonly #waiting = new Map<string, () => Promise<void>>();
  readonly #order: string[] = [];
  /** Of Secrets that are not ours. */
  readonly #own = new Map<string, { readonly version: string; readonly records: readonly DkimRecord[] }>();
  readonly #current = new Set<string>();
  #idle = true;
  #working: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(options: DkimKeysOptions) {
    this.#options = options;
  }

  /** Keys that the domain's owner looks after: read once for each state of their Secret. */
  async lookAtOwn(domain: MailDomain, { metadata }: KubeObject, signal: AbortSignal): Promise<DkimView> {
    const key = keyOf(domain);
    const version = `${metadata.uid}/${metadata.resourceVersion}`;
    const known = this.#own.get(key);
    if (known?.version === version) return { records: known.records, making: false };
    const secret = await this.#options.kube.get<SecretObject>(
      kinds.Secret,
      namespaceOf(domain),
      metadata.name,
      signal,
    );
    const records = Object.entries(secret?.data ?? {}).flatMap(([file, text]) => recordIn(file, text));
    this.#own.set(key, { version, records });
    return { records, making: false };
  }

  forget(key: string): void {
    this.#own.delete(key);
  }

  /** `shown`: the selectors whose records DNS shows. */
  look(domain: MailDomain, secret: KubeObject | undefined, shown: (selector: string) => boolean): DkimView {
    const told = toldBy(secret);
    const wanted = selectorsOf(domain);
    const lacking = wanted.filter((selector) => !told.records.some((record) => record.selector === selector));
    if (lacking.length > 0) {
      this.#begin(domain, () => this.#make(domain, lacking));
      return { records: told.records, making: true };
    }
    const former = told.records.filter(({ selector }) => !wanted.includes(selector));
    if (former.length === 0) return { records: told.records, making: false };
    return { records: told.records, making: false, ...this.#succeed(domain, told, wanted.every(shown)) };
  }

  #succeed(domain: MailDomain, told: Told, shown: boolean): { readonly wakeMs?: number } {
    const now = this.#options.clock.now();
    if (told.succeeded === undefined) {
      if (!shown) return {};
      const succeeded = new Date(now).toISOString();
      this.#begin(domain, () => this.#tell(domain, { ...told, succeeded }));
      return {};
    }
    const due = Date.parse(told.succeeded) + (parseDuration(domain.spec.dkim.retention) ?? 0);
    if (due > now) return { wakeMs: due - now };
    this.#begin(domain, () => this.#make(domain, []));
    return {};
  }

  /** A few at a time: an RSA key takes a thread for about 100 ms, and thousands may be wanted at once. */
  #begin(domain: MailDomain, work: () => Promise<void>): void {
    const key = keyOf(domain);
    if (this.#waiting.has(key) || this.#current.has(key) || this.#stop.signal.aborted) return;
    this.#waiting.set(key, work);
    this.#order.push(key);
    if (this.#idle) this.#working = this.#workOff();
  }

  async #workOff(): Promise<void> {
    this.#idle = false;
    while (this.#order.length > 0 && !this.#stop.signal.aborted) {
      await this.#options.calm();
      const keys = this.#order.splice(-atOnce);
      await Promise.all(keys.map((key) => this.#workOn(key)));
    }
    this.#idle = true;
  }

  async #workOn(key: string): Promise<void> {
    const work = this.#waiting.get(key);
    this.#waiting.delete(key);
    this.#current.add(key);
    try {
      await work?.();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#options.log.warn({ err: error, domain: key }, "DKIM keys could not be stored yet");
      this.#options.onFailure(key);
    } finally {
      this.#current.delete(key);
    }
  }

  /**
   * Adds keys; with none to add, takes the former ones away. The cache that told what is lacking may be behind: a key that is
   * there by now stays, since DNS may have its record already.
   */
  async #make(domain: MailDomain, lacking: readonly string[]): Promise<void> {
    const { kube, log } = this.#options;
    const { signal } = this.#stop;
    const [namespace, name] = [namespaceOf(domain), dkimSecretName(domain.metadata.name)];
    const found = await kube.get<SecretObject>(kinds.Secret, namespace, name, signal);
    const wanted = new Set(selectorsOf(domain));
    const keep = (selector: string) => lacking.length > 0 || wanted.has(selector);
    const records = toldBy(found).records.filter(({ selector }) => keep(selector));
    const missing = lacking.filter((selector) => !records.some((record) => record.selector === selector));
    if (lacking.length > 0 && missing.length === 0) return;
    const data = Object.fromEntries(
      Object.entries(found?.data ?? {}).filter(([file]) => keep(file.replace(/\.pem$/, ""))),
    );
    for (const selector of missing) {
      const pem = await makeDkimKey(selector.endsWith("-ed25519") ? "ed25519-sha256" : "rsa-sha256");
      signal.throwIfAborted();
      data[`${selector}.pem`] = Buffer.from(pem).toString("base64");
      records.push({ selector, record: dkimRecord(pem) });
    }
    await kube.apply(this.#secret(domain, { records }, data), signal);
    log.info({ domain: keyOf(domain), made: missing, records: records.length }, "DKIM keys stored");
  }

  async #tell(domain: MailDomain, told: Told): Promise<void> {
    const name = dkimSecretName(domain.metadata.name);
    const annotations = { [dkimAnnotation]: JSON.stringify(told) };
    const { signal } = this.#stop;
    await this.#options.kube.patch(
      kinds.Secret,
      namespaceOf(domain),
      name,
      { metadata: { annotations } },
      signal,
    );
  }

  #secret(domain: MailDomain, told: Told, data: Readonly<Record<string, string>>): SecretObject {
    return {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: dkimSecretName(domain.metadata.name),
        namespace: namespaceOf(domain),
        labels: this.#options.labels,
        annotations: { [dkimAnnotation]: JSON.stringify(told) },
        ownerReferences: [ownerOf(domain)],
      },
      type: "Opaque",
      data,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }
}

const selectorsOf = ({ spec: { dkim } }: MailDomain): readonly string[] =>
  dkim.algorithms.map((algorithm) => (algorithm === "Ed25519" ? `${dkim.selector}-ed25519` : dkim.selector));

/** What is no key is passed over: what is wrong with it is told where it is published. */
function recordIn(file: string, base64: string): readonly DkimRecord[] {
  if (!file.endsWith(".pem")) return [];
  try {
    const record = dkimRecord(Buffer.from(base64, "base64").toString("utf8"));
    return [{ selector: file.slice(0, -".pem".length), record }];
  } catch {
    return [];
  }
}

function toldBy(secret: KubeObject | undefined): Told {
  const text = secret?.metadata.annotations?.[dkimAnnotation];
  if (text === undefined) return nothing;
  try {
    const told = JSON.parse(text) as Told;
    return Array.isArray(told.records) ? told : nothing;
  } catch {
    return nothing; // somebody edited it: the keys are made anew
  }
}
