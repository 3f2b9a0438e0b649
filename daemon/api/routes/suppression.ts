/** Addresses that get nothing for a while. */
import type { Installation } from "../../operate/installation.ts";
import { addEntry, entryPage, removeEntry } from "../../operate/suppression.ts";
import { listSuppressed, suppress, unsuppress } from "../contract/suppression.ts";
import { type Route, serve } from "../route.ts";

export const suppressionRoutes = (installation: Installation): readonly Route[] => [
  serve(listSuppressed, ({ query: { limit = 500, ...question } }) =>
    entryPage(installation, { ...question, limit }),
  ),
  serve(suppress, ({ body }) => addEntry(installation, body)),
  serve(unsuppress, ({ body }) => removeEntry(installation, body)),
];
