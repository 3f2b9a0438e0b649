/**
 * A real Chromium for tests, when it is installed: pages that tell of every error, and axe to judge them.
 *
 * Use:    `test("…", needs("chromium"), …)`, `await using browser = await openBrowser(base)`.
 * Writes: screenshots into `artifacts/`, which git does not see.
 */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { find } from "./programs.ts";

const artifacts = join(import.meta.dirname, "../../artifacts");

export interface TestBrowser extends AsyncDisposable {
  /** A fresh profile each time. */
  page(options?: BrowserContextOptions): Promise<Page>;
}

/** What every page of these said that it should not have said. */
export const complaints = new WeakMap<Page, string[]>();

export async function openBrowser(baseURL: string): Promise<TestBrowser> {
  const executablePath = find("chromium");
  if (executablePath === undefined) throw new Error("chromium is not installed");
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  return {
    async page(options = {}) {
      const context = await browser.newContext({ baseURL, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(120_000);
      const said: string[] = [];
      complaints.set(page, said);
      page.on("pageerror", (error) => said.push(`error: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error") said.push(`console: ${message.text()}`);
      });
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(artifacts, { recursive: true });
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

const axe = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Nothing that keeps somebody out: WCAG 2.2 AA and axe's own good practice. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(await axe);
  const { violations } = await page.evaluate<AxeResult>("axe.run()");
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`,
  );
  assert.deepEqual(found, [], what);
}
