/** Domains of ours: what they are, and how the world sees them. */
import type { DomainEntry } from "../../directory/directory.ts";
import { glob } from "../../kit/glob.ts";
import { pageByName } from "../../kit/page.ts";
import { type Domain, parseDomain } from "../../mail/address.ts";
import type { Installation } from "../../operate/installation.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route } from "../route.ts";
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
} from "../schema.ts";
import { cursor, namespaceName, pageLimit, pattern, policyName, resourceName, text } from "../shapes.ts";

const domain = component(
  "Domain",
  object({
    domain: text("In A-label form", 255),
    namespace: namespaceName,
    name: resourceName,
    policy: policyName,
    delivery: oneOf(["mailbox", "lmtp", "forward"]),
    draining: boolean({ description: "It is being deleted: nothing new is accepted" }),
  }),
);

const record = object({
  type: oneOf(["MX", "TXT", "SRV", "CNAME"]),
  name: text("The record's name", 400),
  value: text("What it should say", 5_000),
  purpose: text("mx, spf, dkim, dmarc, mtaSts, mtaStsHost, tlsReporting or service", 40),
  needed: boolean(),
  state: oneOf(["Ok", "Missing", "Different", "Unknown"]),
  observed: array(text("What the DNS says", 70_000)),
  note: optional(text("What is wrong", 2_000)),
});

const key = object({
  selector: text("The selector", 63),
  algorithm: oneOf(["rsa-sha256", "ed25519-sha256"]),
  name: text("Where its record belongs", 400),
  record: text("The record", 5_000),
  state: oneOf(["waiting", "signing", "former"], { description: "waiting: until the DNS shows its record" }),
});

const shapeOf = ({ domain: name, namespace, name: resource, policy, delivery, draining }: DomainEntry) => ({
  domain: name as string,
  namespace,
  name: resource,
  policy: policy as string,
  delivery: delivery.kind,
  draining: draining === true,
});

const health = object({
  domain,
  state: oneOf(["ok", "lacking", "unknown"]),
  records: array(record),
  keys: array(key, { description: "DKIM keys, the oldest first" }),
  keysUnknown: boolean({ description: "Nobody who signs for it was there to tell its keys" }),
});
export type HealthShape = Infer<typeof health>;

const domains = object({ domains: array(domain), matching: integer({ minimum: 0 }) });
export type DomainsShape = Infer<typeof domains>;

export const domainRoutes = ({ live, healths }: Installation): readonly Route[] => [
  route({
    method: "GET",
    path: "/domains",
    id: "listDomains",
    tag: "domains",
    role: "viewer",
    summary: "Domains by name",
    query: object({
      match: optional(pattern("The domain")),
      after: optional(cursor),
      limit: pageLimit(200, 50),
    }),
    answer: domains,
    async handle({ query: { match = "*", after = "", limit = 50 } }) {
      const paging = { fits: glob(match), after, limit };
      const { page, matching } = pageByName(live.current().domains(), (entry) => entry.domain, paging);
      return { domains: page.map(shapeOf), matching };
    },
  }),
  route({
    method: "GET",
    path: "/domains/{domain}",
    id: "domainHealth",
    tag: "domains",
    role: "viewer",
    summary: "A domain's DNS records, expected and observed, and its DKIM keys",
    params: object({ domain: string({ minLength: 1, maxLength: 255 }) }),
    answer: health,
    also: { 404: "It is no domain of ours" },
    async handle({ params }, { signal }) {
      const name: Domain | undefined = parseDomain(params.domain);
      const entry = name && live.current().domain(name);
      if (!entry) throw new ApiProblem(404, "It is no domain of ours.");
      return { domain: shapeOf(entry), ...(await healths.of(entry, signal)) };
    },
  }),
];
