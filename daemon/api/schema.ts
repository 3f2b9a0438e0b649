/**
 * Schemas of the HTTP API: written once, they are the types of its code, the checks of what comes in, and its OpenAPI
 * document.
 *
 * In:     builders, such as `object({ name: string(), limit: optional(integer({ minimum: 1 })) })`.
 * Out:    `Schema<T>`: `json` for JSON Schema 2020-12 (as OpenAPI 3.1 has it), `T` for the compiler (`Infer`).
 */
export type Json = Readonly<Record<string, unknown>>;

declare const type: unique symbol;

export interface Schema<T> {
  readonly json: Json;
  /** Under this name it stands once in the document, and is referred to. */
  readonly name?: string;
  readonly isOptional?: boolean;
  /** For the compiler only. */
  readonly [type]?: T;
}

export interface Optional<T> extends Schema<T> {
  readonly isOptional: true;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;

export interface ObjectSchema<T> extends Schema<T> {
  readonly properties: Readonly<Record<string, Schema<unknown>>>;
}

type Properties = Readonly<Record<string, Schema<unknown>>>;
type OptionalNames<P> = { [K in keyof P]: P[K] extends Optional<unknown> ? K : never }[keyof P];
type ObjectOf<P> = { readonly [K in Exclude<keyof P, OptionalNames<P>>]: Infer<P[K]> } & {
  readonly [K in OptionalNames<P>]?: Infer<P[K]>;
};

export const string = <T extends string = string>(more: Json = {}): Schema<T> => ({
  json: { type: "string", ...more },
});

export const integer = (more: Json = {}): Schema<number> => ({ json: { type: "integer", ...more } });

/** ms since the epoch. */
export const time = (description: string): Schema<number> =>
  integer({ minimum: 0, description: `${description}, ms since the epoch` });

export const boolean = (more: Json = {}): Schema<boolean> => ({ json: { type: "boolean", ...more } });

export const oneOf = <const T extends readonly string[]>(values: T, more: Json = {}): Schema<T[number]> => ({
  json: { type: "string", enum: values, ...more },
});

export const array = <T>(items: Schema<T>, more: Json = {}): Schema<readonly T[]> => ({
  json: { type: "array", items: refOf(items), ...more },
});

export const optional = <T>(schema: Schema<T>): Optional<T> => ({ ...schema, isOptional: true });

/** What it does not name may not be there. */
export function object<P extends Properties>(properties: P, more: Json = {}): ObjectSchema<ObjectOf<P>> {
  const entries = Object.entries(properties);
  const required = entries.filter(([, { isOptional }]) => !isOptional).map(([name]) => name);
  return {
    json: {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, schema]) => [name, refOf(schema)])),
      required,
      additionalProperties: false,
      ...more,
    },
    properties,
  };
}

/** Any object: what strangers wrote into it is shown as it is. */
export const anyObject = <T>(description: string): Schema<T> => ({
  json: { type: "object", description },
});

const named = new Map<string, Schema<unknown>>();

/** Once in the document, under this name. */
export function component<S extends Schema<unknown>>(name: string, schema: S): S & { readonly name: string } {
  const known = { ...schema, name };
  named.set(name, known);
  return known;
}

export const components = (): Json =>
  Object.fromEntries([...named].map(([name, { json }]) => [name, json] as const));

export const refOf = ({ name, json }: Schema<unknown>): Json =>
  name === undefined ? json : { $ref: `#/components/schemas/${name}` };
