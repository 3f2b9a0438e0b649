/**
 * What runbooks and guides tell people to type is understood: each command of ours by its own parser, each of kubectl's as far as
 * it is known to mislead; each figure, sentence of the log and component is one that there is.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type CommandContext, CommandError } from "../daemon/cli/context.ts";
import { eventsCommand } from "../daemon/cli/events.ts";
import { mailboxCommand } from "../daemon/cli/mailbox.ts";
import { queueCommand } from "../daemon/cli/queue.ts";
import { reportsCommand } from "../daemon/cli/reports.ts";
import { suppressionCommand } from "../daemon/cli/suppression.ts";
import { traceCommand } from "../daemon/cli/trace.ts";
import { webhooksCommand } from "../daemon/cli/webhooks.ts";
import { parsePluginOptions } from "../operator/cli/options.ts";

const root = join(import.meta.dirname, "..");
const read = (pattern: string) =>
  globSync(pattern, { cwd: root }).map((file) => [file, readFileSync(join(root, file), "utf8")] as const);
const books = read("docs/runbooks/*.md");
const guides = [...books, ...read("docs/*.md")];

const inside: Readonly<
  Record<string, (argv: readonly string[], context: CommandContext) => Promise<number>>
> = {
  queue: queueCommand,
  trace: traceCommand,
  events: eventsCommand,
  webhooks: webhooksCommand,
  reports: reportsCommand,
  mailbox: mailboxCommand,
  suppression: suppressionCommand,
};

/** What stands for something of the reader's. */
const examples: Readonly<Record<string, string>> = {
  "NAMESPACE/POLICY": "shop/default",
  "NS/POLICY": "shop/default",
  NAMESPACE: "shop",
  NS: "shop",
  POLICY: "default",
  DOMAIN: "example.org",
  ADDRESS: "ann@example.org",
  ID: "01kb7q0v3hj4m2n8x5rwd9t6ez",
  HOOK: "policy:default:crm",
  EVENT: "evt_q8iZ3vN3m2c7Yl0o2n1fQA",
  NAME: "example.org",
  DIR: "data",
};

/** Lines of shell, and what stands in the text as code. */
function* codeOf(text: string): Generator<string> {
  for (const [, block = ""] of text.matchAll(/^```(?:sh|console)\n(.*?)^```/gms)) yield* block.split("\n");
  for (const [, code = ""] of text.replaceAll(/^```.*?^```/gms, "").matchAll(/`([^`\n]+)`/g)) yield code;
}

/** Of one command of ours: its words, without what the shell does with its answer. */
function* oursIn(line: string, name: string): Generator<readonly string[]> {
  for (const part of line.split(/\\?\||&&|;| #/)) {
    const [, words] = new RegExp(`(?:^|\\s)${name} ([a-z].*)$`).exec(part.trim()) ?? [];
    // An ellipsis, or a choice, is an explanation and nothing to type.
    if (words === undefined || /[…[\]|]/.test(words)) continue;
    yield words
      .trim()
      .split(/\s+/)
      .map((word) => (examples[word] ?? word).replaceAll(/^["']|["']$/g, ""));
  }
}

/** It says that it was understood by asking whom it may ask. */
async function understood(argv: readonly string[]): Promise<string | undefined> {
  const [command = "", ...rest] = argv;
  const run = inside[command];
  if (run === undefined) return undefined;
  const context = { out: { line() {}, error() {} }, env: {}, signal: AbortSignal.timeout(120_000) };
  const error = await run(rest, context).catch((fault: unknown) => fault as Error);
  if (typeof error === "number" || /^say which instance/.test(error.message)) return undefined;
  return error instanceof CommandError || error.name === "TypeError" ? error.message : `${error}`;
}

test("what guides have people type to the plugin is understood, by the plugin and by the command in the pod", async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const [file, text] of guides)
    for (const line of codeOf(text))
      for (const argv of oursIn(line, "kubectl postfleet")) {
        count++;
        try {
          const options = parsePluginOptions(argv);
          if (options === "help") continue;
          const why = await understood([options.command, ...options.operands]);
          if (why !== undefined) wrong.push(`${file}: ${argv.join(" ")}: ${why.split("\n", 1)[0]}`);
        } catch (error) {
          wrong.push(`${file}: ${argv.join(" ")}: ${(error as Error).message.split("\n", 1)[0]}`);
        }
      }
  assert.deepEqual(wrong, []);
  assert.ok(count > 40, `${count} were found`);
});

test("commands of kubectl in runbooks say where, and only what kubectl knows", () => {
  const wrong = guides.flatMap(([file, text]) =>
    [...codeOf(text)]
      .filter((line) => /\bkubectl\b/.test(line))
      .flatMap((line) => {
        if (/\bkubectl\b.*\blogs\b.*(?:\s-A\b|--all-namespaces)/.test(line))
          return [`${file}: logs has no -A: ${line}`];
        const isBook = file.startsWith("docs/runbooks/");
        const named = /\bkubectl (?:logs|top|describe|exec)\b/.test(line);
        if (isBook && named && !/\s-n\b|postfleet/.test(line))
          return [`${file}: it says no namespace: ${line}`];
        return [];
      }),
  );
  assert.deepEqual(wrong, []);
});

const placeholders = new Set(["postfleet-system", "NAMESPACE", '"$ns"']);

test("a runbook's namespaces are the release's, which it explains, or the reader's", () => {
  for (const [file, text] of books) {
    const named = [...text.matchAll(/\bkubectl [^|`\n]*?-n (\S+?)[`\s]/g)].map(([, name = ""]) => name);
    assert.deepEqual(
      named.filter((name) => !placeholders.has(name)),
      [],
      file,
    );
    if (/^kubectl .*-n postfleet-system/m.test(text))
      assert.ok(text.includes("`postfleet-system` stands for the namespace of your release"), file);
  }
});

const source = read("{daemon,operator}/**/*.ts")
  .filter(([file]) => !file.endsWith(".test.ts"))
  .map(([, text]) => text)
  .join("\n");

test("figures, components and sentences of the log that runbooks name are there", () => {
  const components = new Set(["gateway", "mailbox", "relay", "operator", "nats", "console"]);
  for (const [file, text] of books) {
    for (const [name] of text.matchAll(/postfleet_[a-z_]+/g))
      assert.ok(source.includes(`"${name.replace(/_(bucket|sum|count)$/, "")}"`), `${file}: ${name}`);
    for (const [, component = ""] of text.matchAll(/app\.kubernetes\.io\/component=(\w+)/g))
      assert.ok(components.has(component), `${file}: ${component}`);
    for (const [, sentence = ""] of text.matchAll(/grep "([^"]+)"/g))
      assert.ok(source.includes(`"${sentence}"`), `${file}: ${sentence}`);
  }
});
