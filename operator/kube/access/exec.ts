/**
 * Credentials from a program, as cloud providers hand them out.
 *
 * Spec:   client.authentication.k8s.io/v1 (and v1beta1): the program gets `KUBERNETES_EXEC_INFO`, and prints an
 *         ExecCredential whose status has a token or a certificate with its key, and the time at which it ends.
 * Fails:  `NoAccess` that names the program and what it said.
 */
import { execFile } from "node:child_process";
import type { Clock } from "../../../daemon/kit/clock.ts";
import { type Credential, type Env, NoAccess } from "./access.ts";

export interface ExecPlugin {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
}

interface ExecCredential {
  readonly status?: {
    readonly token?: string;
    readonly clientCertificateData?: string;
    readonly clientKeyData?: string;
    readonly expirationTimestamp?: string;
  };
}

interface Known {
  readonly until: number;
  readonly credential: Promise<Credential>;
}

const LIMIT_MS = 60_000;
/** A credential is renewed this long before its end. */
const EARLY_MS = 10_000;

export class ExecCredentials {
  readonly #plugin: ExecPlugin;
  readonly #env: Env;
  readonly #clock: Clock;
  #known: Known | undefined;

  constructor(plugin: ExecPlugin, env: Env, clock: Clock) {
    this.#plugin = plugin;
    this.#env = env;
    this.#clock = clock;
  }

  /** One run of the program serves everybody who waits. */
  async credential(): Promise<Credential> {
    if (this.#known === undefined || this.#known.until <= this.#clock.now()) {
      const running = this.#run();
      const credential = running.then((answer) => answer.credential);
      const known = { until: Number.POSITIVE_INFINITY, credential };
      this.#known = known;
      running.then(
        ({ until }) => this.#keep(known, until),
        () => this.#keep(known, 0),
      );
    }
    return this.#known.credential;
  }

  forget(): void {
    this.#known = undefined;
  }

  #keep(known: Known, until: number): void {
    if (this.#known === known) this.#known = { ...known, until };
  }

  async #run(): Promise<{ credential: Credential; until: number }> {
    const { status } = JSON.parse(await this.#output()) as ExecCredential;
    const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status ?? {};
    if (token === undefined && cert === undefined)
      throw new NoAccess(`${this.#plugin.command} printed neither a token nor a certificate`);
    const until = expirationTimestamp ? Date.parse(expirationTimestamp) - EARLY_MS : Number.POSITIVE_INFINITY;
    return { credential: { token, cert, key }, until };
  }

  #output(): Promise<string> {
    const { command, args, env, apiVersion, installHint } = this.#plugin;
    if (!command) throw new NoAccess("the kubeconfig's exec plugin names no command");
    const info = { kind: "ExecCredential", apiVersion, spec: { interactive: false } };
    const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    const options = {
      env: { ...this.#env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      timeout: LIMIT_MS,
      maxBuffer: 1 << 20,
    };
    return new Promise((resolve, reject) => {
      execFile(command, [...(args ?? [])], options, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = stderr.trim() || error.message;
        reject(
          new NoAccess([`${command}: ${said}`, installHint].filter(Boolean).join("\n"), { cause: error }),
        );
      });
    });
  }
}
