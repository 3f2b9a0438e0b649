/** Addresses that get nothing for a while. */
import { type Address, parseAddress } from "../../mail/address.ts";
import type { Installation } from "../../operate/installation.ts";
import { addEntry, entryPage, removeEntry } from "../../operate/suppression.ts";
import { listSuppressed, suppress, unsuppress } from "../contract/suppression.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, serve } from "../route.ts";

export const suppressionRoutes = (installation: Installation): readonly Route[] => [
  serve(listSuppressed, ({ query: { address, limit = 500, ...question } }) => {
    const one = address === undefined ? {} : { address: parsed(address) };
    return entryPage(installation, { ...question, ...one, limit });
  }),
  serve(suppress, async ({ body }) => addEntry(installation, { ...body, address: parsed(body.address) })),
  serve(unsuppress, async ({ body }) =>
    removeEntry(installation, { ...body, address: parsed(body.address) }),
  ),
];

function parsed(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new ApiProblem(404, `${text} is no mail address.`);
  return address;
}
