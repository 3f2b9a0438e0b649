/**
 * How the API server is reached, and as whom.
 */
export interface Access {
  readonly server: URL;
  readonly trust: Trust;
  /** Of the context or of the pod. */
  readonly namespace: string | undefined;
  /** What to show with the next request; cheap to ask for every request. */
  credential(): Promise<Credential>;
  /** The server did not accept it: nothing that was remembered is shown again. */
  refused(): void;
}

export interface Trust {
  /** Certificates of authorities, PEM; absent: those of the system. */
  readonly ca: string | undefined;
  /** The name in the server's certificate, when it is not that of the address. */
  readonly serverName: string | undefined;
  readonly unverified: boolean;
}

export interface Credential {
  readonly token?: string | undefined;
  /** PEM, both or neither. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** There is no way to the API server; the message says what to repair. */
export class NoAccess extends Error {
  override readonly name = "NoAccess";
}

export type Env = Readonly<Record<string, string | undefined>>;
