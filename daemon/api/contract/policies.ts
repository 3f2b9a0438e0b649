/** Stopping a policy's delivery here and now, and going on. */
import { contract } from "../route.ts";
import { boolean, object, optional, string } from "../schema.ts";
import { namespaceName, resourceName } from "../shapes.ts";

const params = object({ namespace: namespaceName, name: resourceName });
const also = { 404: "There is no such policy" } as const;
const answer = object({ suspended: boolean() });

export const suspendPolicy = contract({
  method: "POST",
  path: "/policies/{namespace}/{name}/suspend",
  id: "suspendPolicy",
  tag: "policies",
  role: "operator",
  summary: "Stop delivering by a policy until it is resumed; mail is accepted and waits",
  params,
  body: object({ reason: optional(string({ maxLength: 300, default: "" })) }),
  answer,
  also,
  tells: ({ body: { reason = "" } }) => ({ reason }),
});

export const resumePolicy = contract({
  method: "POST",
  path: "/policies/{namespace}/{name}/resume",
  id: "resumePolicy",
  tag: "policies",
  role: "operator",
  summary: "Go on delivering by a policy that was suspended",
  params,
  answer,
  also,
});
