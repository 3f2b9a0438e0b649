/** All routes of the API. */
import type { Installation } from "../operate/installation.ts";
import type { Route } from "./route.ts";
import { domainRoutes } from "./routes/domains.ts";
import { mailboxRoutes } from "./routes/mailboxes.ts";
import { messageRoutes } from "./routes/messages.ts";
import { overviewRoutes } from "./routes/overview.ts";
import { policyRoutes } from "./routes/policies.ts";
import { queueRoutes } from "./routes/queue.ts";
import { reportRoutes } from "./routes/reports.ts";
import { type SessionMeans, sessionRoutes } from "./routes/session.ts";
import { siteRoutes } from "./routes/sites.ts";
import { suppressionRoutes } from "./routes/suppression.ts";
import { webhookRoutes } from "./routes/webhooks.ts";

export const routesOf = (installation: Installation, session: SessionMeans): readonly Route[] => [
  ...sessionRoutes(session),
  ...overviewRoutes(installation),
  ...queueRoutes(installation),
  ...messageRoutes(installation),
  ...domainRoutes(installation),
  ...mailboxRoutes(installation),
  ...policyRoutes(installation),
  ...siteRoutes(installation),
  ...suppressionRoutes(installation),
  ...reportRoutes(installation),
  ...webhookRoutes(installation),
];
