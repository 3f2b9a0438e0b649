/** What is told to other domains, and an order to tell it now. */
import type { Installation } from "../../operate/installation.ts";
import { reportList, sendNow, toldTo } from "../../operate/reports.ts";
import { listReports, reportsFor, sendReports } from "../contract/reports.ts";
import { type Route, serve } from "../route.ts";

export const reportRoutes = (installation: Installation): readonly Route[] => [
  serve(listReports, ({ query: { skip = 0, limit = 1_000, ...choice } }) =>
    reportList(installation, choice, { skip, limit }),
  ),
  serve(reportsFor, async ({ params: { domain }, query }) => ({
    told: await toldTo(installation, domain, query),
  })),
  serve(sendReports, async ({ body }) => ({ places: await sendNow(installation, body) })),
];
