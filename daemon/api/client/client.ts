/**
 * Asks the API as our own commands do: typed by the contracts that are served and documented, over whatever carries it.
 *
 * In:     a `Carrier`: a socket, an address with a token, or the API itself in this process.
 * Out:    what the contract says is answered.
 * Fails:  `Refused` (a `CommandError`) with the API's own sentence, and the remedy where we know one.
 */
import { CommandError } from "../../operate/command-error.ts";
import { BASE } from "../openapi.ts";
import type { Asked, Contract } from "../route.ts";

export interface ApiQuestion {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string | undefined;
}

export interface ApiReply {
  readonly status: number;
  /** Of the daemon that answers; absent: it does not say. */
  readonly version?: string | undefined;
  readonly text: string;
}

export type Carrier = (question: ApiQuestion, signal: AbortSignal) => Promise<ApiReply>;

/** The API does not do what was asked. */
export class Refused extends CommandError {
  readonly status: number;
  /** Of the daemon, when it is another than ours: what it refuses it may just not know. */
  readonly version: string | undefined;
  constructor(message: string, status: number, version: string | undefined) {
    super(message, status === 400 ? 2 : 1);
    this.status = status;
    this.version = version;
  }
}

/** What may be left out may also be `undefined`: it is not sent then. */
type Loose<T> = {
  readonly [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K];
};

/** Only what the contract has. */
type Wanted<P, Q, B> = (keyof P extends never ? { readonly params?: P } : { readonly params: P }) & {
  readonly query?: Loose<Q>;
} & (B extends undefined ? { readonly body?: B } : { readonly body: Loose<B> });

export class ApiClient {
  readonly #carry: Carrier;
  readonly #version: string;

  /** `version`: our own. */
  constructor(carry: Carrier, version: string) {
    this.#carry = carry;
    this.#version = version;
  }

  async ask<P, Q, B, A>(
    of: Contract<P, Q, B, A>,
    asked: Wanted<NoInfer<P>, NoInfer<Q>, NoInfer<B>>,
    signal: AbortSignal,
  ): Promise<A> {
    const { params = {}, query = {}, body } = asked as Partial<Asked<object, object, unknown>>;
    const path = `${BASE}${filled(of.path, params)}${searchOf(query)}`;
    const text = of.body === undefined ? undefined : JSON.stringify(body ?? {});
    const reply = await this.#carry({ method: of.method, path, body: text }, signal);
    if (reply.status === 200) return JSON.parse(reply.text) as A;
    const other = reply.version === this.#version ? undefined : reply.version;
    throw new Refused(this.#wordsOf(reply, other), reply.status, other);
  }

  #wordsOf({ status, text }: ApiReply, other: string | undefined): string {
    const detail = detailOf(text) ?? `the answer is ${status}, and not Postfleet's`;
    const versions =
      other === undefined
        ? ""
        : `; the daemon is Postfleet ${other}, this command ${this.#version}: use the command of the same version`;
    return `${withRemedy(status, detail)}${versions}`;
  }
}

function withRemedy(status: number, detail: string): string {
  const sentence = detail.replace(/\.$/, "");
  if (status === 401) return `${sentence}: give the file of a token that is theirs with --token-file`;
  if (status === 403) return `${sentence}: ask with an operator's token`;
  if (status === 500) return sentence.replace("Something is wrong here", "something is wrong in the daemon");
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown };
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined;
  }
}

const filled = (path: string, params: object): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((params as Readonly<Record<string, unknown>>)[name])),
  );

function searchOf(query: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
