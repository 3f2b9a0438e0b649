/** Who asks. */
import { contract } from "../route.ts";
import { object, oneOf } from "../schema.ts";
import { roles } from "../sessions.ts";
import { text } from "../shapes.ts";

export const whoAmI = contract({
  method: "GET",
  path: "/session",
  id: "whoAmI",
  tag: "session",
  role: "viewer",
  summary: "Who asks, and what runs here",
  answer: object({ name: text("Who it is", 400), role: oneOf(roles), version: text("Of Postfleet", 60) }),
});
