/**
 * Loops and dead ends, against a slow and simple follower of addresses.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Problem } from "./problem.ts";
import { apiVersion } from "./schema.ts";
import { validate } from "./validate.ts";

/** Where each name of one domain sends its mail; names that are not here do not exist. */
type Graph = Readonly<Record<string, readonly string[]>>;
interface World {
  readonly aliases: Graph;
  readonly mailboxes: Graph;
  readonly catchAll?: string;
}

const host = "example.test";
const at = (name: string) => (name.includes("@") ? name : `${name}@${host}`);

async function problemsOf({ aliases, mailboxes, catchAll }: World): Promise<readonly Problem[]> {
  const meta = (name: string) => ({ apiVersion, metadata: { name } });
  const domain = {
    ...meta("domain"),
    kind: "MailDomain",
    spec: {
      domain: host,
      aliases: Object.entries(aliases).map(([name, to]) => ({ name, to: to.map(at) })),
      ...(catchAll === undefined ? {} : { catchAll: at(catchAll) }),
    },
  };
  const boxes = Object.entries(mailboxes).map(([name, to]) => ({
    ...meta(name),
    kind: "Mailbox",
    spec: { address: at(name), forwardTo: to.map(at) },
  }));
  const text = [domain, ...boxes].map((one) => JSON.stringify(one)).join("\n---\n");
  return (await validate([{ file: "x.yaml", text }])).problems;
}

/** The next names of a name, as the directory would resolve it; `undefined`: it does not exist. */
function nextOf({ aliases, mailboxes, catchAll }: World, name: string): readonly string[] | undefined {
  if (name.includes("@")) return [];
  const known = (one: string) => mailboxes[one] ?? aliases[one];
  const found = known(name) ?? known(name.replace(/\+.*/, ""));
  if (found) return found;
  if (catchAll !== undefined) return [catchAll];
  return name === "postmaster" ? [] : undefined;
}

function goesRound(world: World): boolean {
  const names = [...Object.keys(world.aliases), ...Object.keys(world.mailboxes), "nobody-at-all"];
  return names.some((start) => {
    // After more steps than there are names, mail that is still under way goes round.
    let under: ReadonlySet<string> = new Set([start]);
    for (let i = 0; i < 20; i++) under = new Set([...under].flatMap((name) => nextOf(world, name) ?? []));
    return under.size > 0;
  });
}

function deadEnds(world: World): number {
  const targets = [...Object.values(world.aliases), ...Object.values(world.mailboxes)].flat();
  const all = world.catchAll === undefined ? targets : [...targets, world.catchAll];
  return all.filter((name) => nextOf(world, name) === undefined).length;
}

const name = fc.constantFrom("a", "b", "c", "d", "e");
const target = fc.oneof(name, name, fc.constantFrom("a+x", "postmaster", "gone", "out@else.example"));
const targets = (min: number) => fc.uniqueArray(target, { minLength: min, maxLength: 3 });
const worlds: fc.Arbitrary<World> = fc
  .record({
    sort: fc.dictionary(name, fc.constantFrom("alias", "mailbox")),
    alias: fc.dictionary(name, targets(1)),
    mailbox: fc.dictionary(name, targets(0)),
    all: fc.option(target, { nil: undefined }),
  })
  .map(({ sort, alias, mailbox, all }) => {
    const of = (kind: string, graph: Graph) =>
      Object.fromEntries(
        Object.entries(graph)
          .filter(([one]) => (sort[one] ?? "alias") === kind)
          // Forwarding to oneself is refused by a rule before routes are looked at.
          .map(([one, to]) => [one, kind === "mailbox" ? to.filter((other) => other !== one) : to] as const),
      );
    return {
      aliases: of("alias", alias),
      mailboxes: of("mailbox", mailbox),
      ...(all === undefined ? {} : { catchAll: all }),
    };
  });

test("a circle is told exactly when mail would go round, and every dead end once", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const problems = await problemsOf(world);
      const others = problems.filter(({ message }) => !/circle|does not exist/.test(message));
      assert.deepEqual(others, []);
      assert.equal(
        problems.some(({ message }) => message.includes("circle")),
        goesRound(world),
      );
      assert.equal(
        problems.filter(({ message }) => message.includes("does not exist")).length,
        deadEnds(world),
      );
    }),
    { numRuns: 200 },
  );
});

test("a long chain is no circle, and does not exhaust the stack", async () => {
  const chain = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`n${i}`, [`n${i + 1}`]]));
  assert.deepEqual(
    await problemsOf({ aliases: { ...chain, n900: ["out@else.example"] }, mailboxes: {} }),
    [],
  );
  const [problem, ...more] = await problemsOf({ aliases: { ...chain, n900: ["n0"] }, mailboxes: {} });
  assert.match(problem?.message ?? "", /^mail would go round in a circle \(n0@example\.test → n1@/);
  assert.deepEqual(more, []);
});

test("many ways to one place are followed once", async () => {
  const layers = Array.from({ length: 40 }, (_, i) => [
    [`a${i}`, [`a${i + 1}`, `b${i + 1}`]],
    [`b${i}`, [`a${i + 1}`, `b${i + 1}`]],
  ]).flat();
  const aliases = { ...Object.fromEntries(layers), a40: ["x@else.example"], b40: ["x@else.example"] };
  assert.deepEqual(await problemsOf({ aliases, mailboxes: {} }), []);
});
