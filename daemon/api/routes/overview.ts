/** The whole in one look, asked for once or as a stream. */
import type { Installation } from "../../operate/installation.ts";
import type { Overview } from "../../operate/overview.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, streamRoute } from "../route.ts";
import { type OverviewShape, overview } from "../shapes.ts";

/** How often the stream tells. */
const EVERY_MS = 2_000;
/** It ends then, and who still looks asks again: whoever lost the right to look is not told for ever. */
const LONGEST_MS = 10 * 60_000;
const MOST_STREAMS = 50;

export const overviewRoutes = ({ overviews, clock }: Installation): readonly Route[] => {
  let streams = 0;
  async function* live(signal: AbortSignal) {
    streams++;
    try {
      const end = clock.monotonic() + LONGEST_MS;
      while (!signal.aborted && clock.monotonic() < end) {
        yield shapeOf(await overviews.latest());
        await clock.sleep(EVERY_MS, signal).catch(() => {});
      }
    } finally {
      streams--;
    }
  }
  return [
    route({
      method: "GET",
      path: "/overview",
      id: "overview",
      tag: "overview",
      role: "viewer",
      summary: "Backlog, rates and what fails now",
      answer: overview,
      handle: async () => shapeOf(await overviews.latest()),
    }),
    streamRoute({
      method: "GET",
      path: "/live",
      id: "live",
      tag: "overview",
      role: "viewer",
      summary: "The overview every two seconds, for ten minutes",
      answer: overview,
      handle(_, { signal }) {
        if (streams >= MOST_STREAMS) throw new ApiProblem(503, "Too many look already.");
        return live(signal);
      },
    }),
  ];
};

const shapeOf = ({ closed, ...seen }: Overview): OverviewShape => ({
  ...seen,
  ...(closed === undefined ? {} : { closed }),
});
