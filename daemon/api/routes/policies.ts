/** Policies: paused and suspended, and how a message would go. */
import type { PolicyEntry } from "../../directory/directory.ts";
import { parseAddress } from "../../mail/address.ts";
import { dryRun } from "../../operate/dry-run.ts";
import type { Installation } from "../../operate/installation.ts";
import type { PolicyName } from "../../queue/job.ts";
import { resumePolicy, suspendPolicy } from "../contract/policies.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
import {
  array,
  boolean,
  component,
  type Infer,
  integer,
  object,
  oneOf,
  optional,
  string,
  time,
} from "../schema.ts";
import { policyName, text } from "../shapes.ts";

const policy = component(
  "Policy",
  object({
    policy: policyName,
    paused: boolean({ description: "By its resource" }),
    suspended: optional(
      object({ since: time("When"), reason: text("Why", 300) }, { description: "By an operator, here" }),
    ),
    draining: boolean(),
    route: text("Where mail goes that no destination matches: mx, or a smarthost", 400),
    destinations: integer({ minimum: 0, description: "Entries for single destinations" }),
    tls: text("Towards MX hosts", 40),
    maxConnections: integer({ minimum: 1, description: "To one site, from each process" }),
  }),
);

const way = object({
  recipient: text("The address", 400),
  policy: policyName,
  kind: oneOf(["local", "forward", "lmtp", "smtp", "deferred", "failed"]),
  why: array(text("A sentence")),
  site: optional(text("The site", 400)),
  tls: optional(text("How TLS is used", 40)),
  hops: optional(
    array(
      object({
        host: text("Its name", 255),
        address: text("Its address", 64),
        port: integer({ minimum: 1, maximum: 65_535 }),
        preference: integer({ minimum: 0 }),
        security: oneOf(["none", "encrypt", "pkix", "dane"]),
      }),
    ),
  ),
  reply: optional(text("Why it waits, or cannot be sent")),
});

const policies = object({ policies: array(policy) });
export type PoliciesShape = Infer<typeof policies>;

const dryRunAnswer = object({
  accepted: boolean(),
  why: array(text("A sentence")),
  ways: array(way),
  more: integer({ minimum: 0, description: "Further addresses, not looked at" }),
});
export type DryRunShape = Infer<typeof dryRunAnswer>;

export const policyRoutes = (installation: Installation): readonly Route[] => {
  const { live, suspensions, isPaused, routing } = installation;
  const shapeOf = (entry: PolicyEntry) => {
    const suspension = suspensions.of(entry.policy);
    const { route: way } = entry.elsewhere;
    return {
      policy: entry.policy as string,
      paused: entry.spec.paused,
      ...(suspension ? { suspended: { since: suspension.since, reason: suspension.reason } } : {}),
      draining: entry.draining === true,
      route: way.kind === "mx" ? "mx" : `${way.host}:${way.port}`,
      destinations: entry.spec.destinations.length,
      tls: way.kind === "mx" ? entry.elsewhere.tls : way.tls,
      maxConnections: entry.elsewhere.maxConnections,
    };
  };
  const named = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => {
    const found = live.current().policy(`${namespace}/${name}` as PolicyName);
    if (!found) throw new ApiProblem(404, "There is no such RelayPolicy.");
    return found;
  };
  return [
    route({
      method: "GET",
      path: "/policies",
      id: "listPolicies",
      tag: "policies",
      role: "viewer",
      summary: "RelayPolicies, the first 1000 by name",
      answer: policies,
      async handle() {
        const all = [...live.current().policies()].sort((a, b) => (a.policy < b.policy ? -1 : 1));
        return { policies: all.slice(0, 1_000).map(shapeOf) };
      },
    }),
    serve(suspendPolicy, async ({ params, body: { reason = "" } }) => {
      await installation.suspend({ policy: named(params).policy }, reason);
      return { suspended: true };
    }),
    serve(resumePolicy, async ({ params }) => {
      await installation.resume({ policy: named(params).policy });
      return { suspended: false };
    }),
    route({
      method: "POST",
      path: "/dry-run",
      id: "dryRun",
      tag: "policies",
      role: "viewer",
      summary: "How would a message to this recipient go, and why? Nothing is sent",
      body: object({
        recipient: string({ minLength: 3, maxLength: 400 }),
        client: optional(string({ description: "The client's IP address", maxLength: 64 })),
        user: optional(
          string({ description: "The login name, before the client's address", maxLength: 400 }),
        ),
      }),
      answer: dryRunAnswer,
      async handle({ body: { recipient, client, user } }, { signal }) {
        const address = parseAddress(recipient);
        if (!address)
          return { accepted: false, why: [`${recipient} is no mail address.`], ways: [], more: 0 };
        const who = { ...(client ? { client } : {}), ...(user ? { user: user.toLowerCase() } : {}) };
        const question = { recipient: address, ...who };
        return dryRun(question, { directory: live.current(), isPaused, suspensions, routing }, signal);
      },
    }),
  ];
};
