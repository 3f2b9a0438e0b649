/**
 * A route of the API: what may be asked, by whom, and what is answered. The table of them (`routes.ts`) is what is served,
 * documented (`openapi.ts`) and tested.
 *
 * What our own commands ask is a `Contract` (`contract/`): a route without its handler, by which a client knows the types.
 */
import type { Infer, ObjectSchema, Schema } from "./schema.ts";
import type { Role, Who } from "./sessions.ts";

/** What the handlers work with, besides what was asked. */
export interface Asking {
  readonly who: Who | undefined;
  /** The address that the connection comes from. */
  readonly client: string;
  readonly signal: AbortSignal;
}

type Empty = Readonly<Record<never, never>>;

/** The route without who answers. */
export interface Contract<P, Q, B, A> {
  readonly method: "GET" | "POST";
  /** Below `/api/v1`; `{name}` stands for one segment. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  /** Who may ask; absent: everybody, without a login. */
  readonly role?: Role;
  readonly params?: ObjectSchema<P>;
  readonly query?: ObjectSchema<Q>;
  readonly body?: Schema<B>;
  readonly answer: Schema<A>;
  /** What the log says of an order, besides who gave it; without it only the place. */
  readonly tells?: (asked: Asked<P, Q, B>) => Readonly<Record<string, unknown>>;
  /** What else it answers: status and meaning. */
  readonly also?: Readonly<Record<number, string>>;
}

export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** As the table has it: types of what is asked were checked when it was made. */
export interface Route extends Contract<unknown, unknown, unknown, unknown> {
  /** An answer, or one after the other as events of a stream. */
  readonly handle: (
    asked: Asked<never, never, never>,
    asking: Asking,
  ) => Promise<unknown> | AsyncIterable<unknown>;
  readonly streams?: true;
}

export const route = <P = Empty, Q = Empty, B = undefined, A = unknown>(
  parts: Contract<P, Q, B, A> & {
    readonly handle: (asked: Asked<P, Q, B>, asking: Asking) => Promise<A>;
  },
): Route => parts as unknown as Route;

export const contract = <P = Empty, Q = Empty, B = undefined, A = unknown>(
  parts: Contract<P, Q, B, A>,
): Contract<P, Q, B, A> => parts;

export const serve = <P, Q, B, A>(
  of: Contract<P, Q, B, A>,
  handle: (asked: Asked<P, Q, B>, asking: Asking) => Promise<A>,
): Route => ({ ...of, handle }) as unknown as Route;

/** Server-sent events, each of them an `A`. */
export const streamRoute = <Q = Empty, A = unknown>(
  parts: Contract<Empty, Q, undefined, A> & {
    readonly handle: (asked: Asked<Empty, Q, undefined>, asking: Asking) => AsyncIterable<A>;
  },
): Route => ({ ...parts, streams: true }) as unknown as Route;

export type { Infer };
