/** What is told to other domains: DMARC and TLS reports. */
import { kinds } from "../../reports/fact.ts";
import type { Round, SentReport } from "../../reports/store.ts";
import { contract } from "../route.ts";
import { anyObject, array, type Infer, integer, object, oneOf, optional, string } from "../schema.ts";
import { namespaceName, pageLimit, text } from "../shapes.ts";

const kind = oneOf(kinds);
const day = string({
  description: "A day of UTC, such as 2026-11-28",
  pattern: "^\\d{4}-\\d{2}-\\d{2}$",
  maxLength: 10,
});
const place = { namespace: namespaceName, kind, day } as const;
const choice = { kind: optional(kind), day: optional(day), namespace: optional(namespaceName) } as const;

const report = object({
  ...place,
  report: optional(anyObject<SentReport>("One report: to whom it went, or why not")),
  round: optional(anyObject<Round>("Where the day's reports stand")),
});
export type ReportShape = Infer<typeof report>;

export const listReports = contract({
  method: "GET",
  path: "/reports",
  id: "listReports",
  tag: "reports",
  role: "viewer",
  summary: "Reports of the last days by day, kind and namespace: to whom they went, and why others did not",
  query: object({
    ...choice,
    skip: optional(integer({ minimum: 0, maximum: 10_000_000, default: 0 })),
    limit: pageLimit(1_000, 1_000),
  }),
  answer: object({ reports: array(report), more: integer({ minimum: 0, description: "How many are left" }) }),
  also: { 409: "It is no day, or another namespace is served here" },
});

export const reportsFor = contract({
  method: "GET",
  path: "/reports/{domain}",
  id: "reportsFor",
  tag: "reports",
  role: "viewer",
  summary: "What is told to a domain about a day (default: today, as far as it is counted)",
  params: object({ domain: string({ minLength: 1, maxLength: 255 }) }),
  query: object(choice),
  answer: object({
    told: array(
      object({
        ...place,
        from: text("Who reports", 400),
        domain: text("Whom it is told to", 300),
        head: optional(anyObject<object>("What holds for the whole report")),
        rows: array(anyObject<object>("What is counted, and how often")),
        document: string({ description: "The report as it would be sent" }),
      }),
    ),
  }),
  also: { 409: "It is no day, or another namespace is served here" },
});

export const sendReports = contract({
  method: "POST",
  path: "/reports/send-now",
  id: "sendReports",
  tag: "reports",
  role: "operator",
  summary: "Make a day's reports now instead of at their hour (default: yesterday's)",
  body: object(choice),
  answer: object({
    places: array(object({ ...place, result: oneOf(["ordered", "already made", "being made just now"]) })),
  }),
  also: { 409: "Nobody sends such reports, the day is not over, or another namespace is served here" },
  tells: ({ body }) => body,
});
