import assert from "node:assert/strict";
import { test } from "node:test";
import { type Autoscaling, defaultRelayPolicy } from "../../crds/types.ts";
import type { PolicyFigures } from "./ports.ts";
import { builtin, type Memory } from "./size.ts";

const nowWall = Date.parse("2027-01-01T12:00:00Z");
const figures = (due: number, more: Partial<PolicyFigures> = {}): PolicyFigures => ({
  due,
  deferred: 0,
  members: [{ pod: "a", due, sessions: 0 }],
  ...more,
});

interface Given {
  readonly size?: number;
  readonly figures?: PolicyFigures;
  readonly autoscaling?: Partial<Autoscaling>;
  readonly paused?: boolean;
  readonly leaving?: boolean;
  readonly now?: number;
  readonly memory?: Memory;
}

const decide = ({ size = 1, autoscaling, paused = false, leaving = false, now = 0, ...rest }: Given) =>
  builtin({
    spec: {
      ...defaultRelayPolicy,
      paused,
      autoscaling: { ...defaultRelayPolicy.autoscaling, ...autoscaling },
    },
    size,
    leaving,
    now,
    nowWall,
    figures: rest.figures,
    memory: rest.memory,
  });

const sizes: readonly (readonly [string, Given, number])[] = [
  ["what is due is shared out", { figures: figures(1_200) }, 3],
  ["figures that are missing hold the size", { size: 6 }, 6],
  [
    "one old job behind a slow destination needs no second pod",
    { figures: figures(1, { oldestDue: nowWall - 3_600_000 }) },
    1,
  ],
  ["late work counts more than once", { figures: figures(600, { oldestDue: nowWall - 61_000 }) }, 3],
  ["while it is paused nobody is needed for it", { figures: figures(9_000), paused: true }, 1],
  ["pods that are wanted and not ready hold the size", { size: 4, figures: figures(0, { members: [] }) }, 4],
  [
    "from zero when something is due",
    { size: 0, figures: figures(1, { members: [] }), autoscaling: { min: 0 } },
    1,
  ],
  [
    "at zero while nothing is due",
    { size: 0, figures: figures(0, { members: [], deferred: 1 }), autoscaling: { min: 0 } },
    0,
  ],
  [
    "one that is being deleted is emptied, also while paused",
    {
      size: 0,
      figures: figures(0, { members: [], deferred: 1 }),
      autoscaling: { min: 0 },
      leaving: true,
      paused: true,
    },
    1,
  ],
];

for (const [name, given, want] of sizes) {
  test(`${name}: ${want}`, () => assert.equal(decide(given).size, want));
}

test("what is remembered makes the step down, one pod at a time", () => {
  const autoscaling = { stabilization: "60s" } as const;
  let { size, memory } = decide({ size: 3, figures: figures(0), autoscaling });
  assert.equal(size, 3);
  ({ size, memory } = decide({ size, figures: figures(0), autoscaling, now: 60_000, memory }));
  assert.equal(size, 2);
  ({ size } = decide({ size, figures: figures(0), autoscaling, now: 65_000, memory }));
  assert.equal(size, 2);
});
