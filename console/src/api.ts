/**
 * Asks the API, as whoever is logged in.
 *
 * The session lies in this tab's sessionStorage and travels in a header: the browser sends it nowhere by itself.
 * Fails: `Refused` with the API's words. A session that has ended is forgotten, and the page asks for a login.
 */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const KEY = "postfleet session";
const BASE = "/api/v1";

type Listener = () => void;
const listeners = new Set<Listener>();

/** Calls when somebody logs in or out; returns what ends it. */
export function onLogin(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const session = (): string | null => sessionStorage.getItem(KEY);

export function keepSession(text: string | undefined): void {
  if (text === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
  for (const listener of listeners) listener();
}

export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await request(path, init);
  return (await answer.json()) as T;
}

export const tell = <T>(path: string, body: unknown): Promise<T> =>
  ask<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** The connection could not be made, or broke. */
const lost = (signal: AbortSignal | null | undefined) => (error: unknown) => {
  if (signal?.aborted) throw error;
  throw new Refused(0, "Postfleet does not answer. Does it still run?");
};

async function request(path: string, init: RequestInit): Promise<Response> {
  const known = session();
  const headers = new Headers(init.headers);
  if (known !== null) headers.set("authorization", `Bearer ${known}`);
  const answer = await fetch(`${BASE}${path}`, { ...init, headers }).catch(lost(init.signal));
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { readonly detail?: string };
  if (answer.status === 401 && known !== null && known === session()) keepSession(undefined);
  throw new Refused(answer.status, problem.detail ?? `It answers ${answer.status}.`);
}

export async function logIn(token: string): Promise<void> {
  const { session: opened } = await tell<{ readonly session: string }>("/session", { token });
  keepSession(opened);
}

export interface Door {
  readonly authorize: string;
  readonly clientId: string;
  readonly redirect: string;
  readonly scope: string;
}

const TRIP = "postfleet login";

interface Trip {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

const base64url = (octets: Uint8Array): string =>
  btoa(String.fromCharCode(...octets))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** To the OpenID provider; what it must bring back stays in this tab. RFC 7636 §4.2 */
export async function goToProvider({ authorize, clientId, redirect, scope }: Door): Promise<void> {
  const trip: Trip = { state: random(), nonce: random(), verifier: random() };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(trip.verifier));
  sessionStorage.setItem(TRIP, JSON.stringify(trip));
  const url = new URL(authorize);
  const asked = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirect,
    scope,
    state: trip.state,
    nonce: trip.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Back from the provider with a code, if this tab is the one that went there. */
export async function comeBack(answer: URLSearchParams): Promise<void> {
  const trip = JSON.parse(sessionStorage.getItem(TRIP) ?? "{}") as Partial<Trip>;
  sessionStorage.removeItem(TRIP);
  const code = answer.get("code");
  if (code === null || trip.state === undefined || answer.get("state") !== trip.state)
    throw new Refused(401, answer.get("error_description") ?? "The login was not begun here: try again.");
  const { nonce, verifier } = trip;
  const { session: opened } = await tell<{ readonly session: string }>("/session/oidc", {
    code,
    verifier,
    nonce,
  });
  keepSession(opened);
}

/** Server-sent events, one after the other, until the stream ends or `signal` aborts. */
export async function* events<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const { body } = await request(path, { signal });
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(lost(signal));
    if (done) return;
    const pieces = (text + value).split("\n\n");
    text = pieces.pop() ?? "";
    for (const piece of pieces) if (piece.startsWith("data: ")) yield JSON.parse(piece.slice(6)) as T;
  }
}

export function query(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== "") given.set(name, String(value));
  const text = given.toString();
  return text === "" ? "" : `?${text}`;
}
