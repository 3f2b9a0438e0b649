/** Logging in, and who is logged in. */
import { clientNetwork } from "../../kit/cidr.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { whoAmI } from "../contract/session.ts";
import type { OidcLogin } from "../oidc.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
import { boolean, component, type Infer, object, oneOf, optional, string, time } from "../schema.ts";
import { type Attempts, roles, type Sessions, type Who } from "../sessions.ts";
import { text } from "../shapes.ts";

export interface SessionMeans {
  readonly sessions: Sessions;
  /** Whether tokens are handed out here. */
  readonly hasTokens: boolean;
  /** Absent: nobody logs in at a provider. */
  readonly oidc?: OidcLogin | undefined;
  readonly attempts: Attempts;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

const session = component(
  "Session",
  object({
    session: string({ description: "Send it as Authorization: Bearer …", maxLength: 2_000 }),
    name: text("Who it is", 400),
    role: oneOf(roles),
    expiresAt: time("When it ends"),
  }),
);

const door = object({
  authorize: text("The provider's authorization endpoint"),
  clientId: text("Our name there", 400),
  redirect: text("Where it sends people back to"),
  scope: text("What to ask for"),
});

const ways = object({ token: boolean({ description: "By a token" }), oidc: optional(door) });
export type WaysInShape = Infer<typeof ways>;

const oneTime = (what: string) => string({ description: what, minLength: 16, maxLength: 2_000 });

export const sessionRoutes = (means: SessionMeans): readonly Route[] => [
  ...tokenRoutes(means),
  route({
    method: "GET",
    path: "/session/ways",
    id: "waysIn",
    tag: "session",
    summary: "How people log in here",
    answer: ways,
    async handle() {
      const { oidc, hasTokens } = means;
      return { token: hasTokens, ...(oidc ? { oidc: await oidc.door() } : {}) };
    },
  }),
  route({
    method: "POST",
    path: "/session/oidc",
    id: "logInByProvider",
    tag: "session",
    summary: "A session for a code of the OpenID provider (PKCE)",
    body: object({
      code: string({ minLength: 1, maxLength: 4_000 }),
      verifier: oneTime("The PKCE verifier"),
      nonce: oneTime("What the id token must name"),
    }),
    answer: session,
    also: {
      401: "The provider's answer does not hold",
      403: "You are in none of the groups, or another site's page asks",
      404: "Nobody logs in at a provider here",
    },
    async handle({ body }, { client, signal }) {
      const { oidc, attempts, sessions } = means;
      if (!oidc) throw new ApiProblem(404, "Nobody logs in at a provider here.");
      refuseGuesser(attempts, client);
      try {
        return sessions.open(await oidc.who(body, signal));
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 401) attempts.failed(clientNetwork(client));
        throw error;
      }
    },
  }),
];

const tokenRoutes = ({ sessions, attempts, version, log }: SessionMeans): readonly Route[] => [
  route({
    method: "POST",
    path: "/session",
    id: "logIn",
    tag: "session",
    summary: "A session for a token",
    body: object({ token: string({ minLength: 1, maxLength: 2_000 }) }),
    answer: session,
    also: { 401: "It is no token of ours", 429: "Too many wrong ones: try again later" },
    async handle({ body: { token } }, { client }) {
      const who = proven(() => sessions.ofToken(token), { attempts, client, log });
      return sessions.open(who);
    },
  }),
  serve(whoAmI, async (_, { who }) => ({ ...(who as Who), version })),
];

export interface Trying {
  readonly attempts: Attempts;
  readonly client: string;
  readonly log: Log;
}

function refuseGuesser(attempts: Attempts, client: string): void {
  const wait = attempts.wait(clientNetwork(client));
  if (wait > 0) {
    const seconds = `${Math.ceil(wait / 1_000)}`;
    throw new ApiProblem(429, `Too many wrong tokens: try again in ${seconds} s.`, {
      "retry-after": seconds,
    });
  }
}

/** Who it is, unless too many were wrong lately. Throws `ApiProblem`. */
export function proven(look: () => Who | undefined, { attempts, client, log }: Trying): Who {
  refuseGuesser(attempts, client);
  const who = look();
  if (who) return who;
  attempts.failed(clientNetwork(client));
  log.warn({ client }, "the console was shown a token that is not ours");
  throw new ApiProblem(401, "It is no token of ours, or the session has ended.", {
    "www-authenticate": "Bearer",
  });
}
