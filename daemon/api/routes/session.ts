/** Logging in, and who is logged in. */
import { clientNetwork } from "../../kit/cidr.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { component, object, oneOf, string, time } from "../schema.ts";
import { type Attempts, roles, type Sessions, type Who } from "../sessions.ts";
import { text } from "../shapes.ts";

export interface SessionMeans {
  readonly sessions: Sessions;
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

export const sessionRoutes = ({ sessions, attempts, version, log }: SessionMeans): readonly Route[] => [
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
  route({
    method: "GET",
    path: "/session",
    id: "whoAmI",
    tag: "session",
    role: "viewer",
    summary: "Who asks, and what runs here",
    answer: object({ name: text("Who it is", 400), role: oneOf(roles), version: text("Of Postfleet", 60) }),
    handle: async (_, { who }) => ({ ...(who as Who), version }),
  }),
];

export interface Trying {
  readonly attempts: Attempts;
  readonly client: string;
  readonly log: Log;
}

/** Who it is, unless too many were wrong lately. Throws `ApiProblem`. */
export function proven(look: () => Who | undefined, { attempts, client, log }: Trying): Who {
  const network = clientNetwork(client);
  const wait = attempts.wait(network);
  if (wait > 0) {
    const seconds = `${Math.ceil(wait / 1_000)}`;
    throw new ApiProblem(429, `Too many wrong tokens: try again in ${seconds} s.`, {
      "retry-after": seconds,
    });
  }
  const who = look();
  if (who) return who;
  attempts.failed(network);
  log.warn({ client }, "the console was shown a token that is not ours");
  throw new ApiProblem(401, "It is no token of ours, or the session has ended.", {
    "www-authenticate": "Bearer",
  });
}
