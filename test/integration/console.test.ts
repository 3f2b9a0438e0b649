/**
 * The console in a real Chromium, on a real daemon: every page, light and dark, on a desk and on a phone, judged by axe; by
 * keyboard; and what an operator does there.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { type ApiClient, apiOf } from "../harness/api-client.ts";
import {
  assertAccessible,
  complaints,
  openBrowser,
  screenshot,
  type TestBrowser,
} from "../harness/browser.ts";
import { aDomain, aMailbox, aPolicy } from "../harness/manifest.ts";
import { needs } from "../harness/programs.ts";
import { until } from "../harness/until.ts";
import { openWorld, type World } from "../harness/world.ts";

const chromium = needs("chromium");
const hostile = `<img src=x onerror="document.title='owned'">`;
let world: World;
let browser: TestBrowser;
let api: ApiClient;
let held = "";

before(async () => {
  if (chromium.skip) return;
  world = await openWorld({
    documents: [
      aDomain("home.example"),
      aMailbox("alice@home.example", { quota: "1Mi" }),
      aMailbox("sender@home.example"),
      aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: { initial: "1h", factor: 1, max: "1h" } }),
    ],
    hops: { "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? `450 4.2.0 ${hostile}` : undefined) } },
    zone: { "away.example": ["A 127.0.0.3"], "home.example": ["MX 10 mx.fleet.example"] },
  });
  api = await apiOf(world.fleet);
  const ids = [];
  for (const to of ["one@away.example", "two@away.example", "three@away.example"])
    ids.push(await world.submit({ to, from: "sender@home.example" }));
  held = ids[0] ?? "";
  await world.submit({ to: "alice@home.example", from: "sender@home.example" });
  await until("all were tried", async () => {
    const { body } = await api.get<{ total: { deferred: number } }>("/queue/groups");
    return body.total.deferred === 3 ? true : undefined;
  });
  browser = await openBrowser(`http://${world.fleet.endpoint("health")}`);
});
after(async () => {
  if (chromium.skip) return;
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** Logged in by the address that a terminal prints. */
async function enter(path: string, options: Parameters<TestBrowser["page"]>[0] = {}): Promise<Page> {
  const page = await browser.page(options);
  await page.goto(`${path}#${api.token}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

test(
  "a token lets in, by form or address; the address forgets it; a wrong one is told",
  chromium,
  async () => {
    const page = await browser.page();
    await page.goto("/queue");
    await assertAccessible(page, "the login");
    await page.getByLabel("Token").fill("nonsense");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("no token of ours").waitFor();
    await page.getByLabel("Token").fill(api.token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Queue" }).waitFor();
    const other = await enter("/");
    assert.equal(new URL(other.url()).hash, "");
    await other.getByRole("button", { name: "Log out" }).click();
    await other.getByLabel("Token").waitFor();
    assert.deepEqual(await other.context().cookies(), []);
  },
);

const pages = [
  ["overview", "/", "away.example"],
  ["queue", "/queue", "away.example"],
  ["jobs", "/queue?destination=away.example", "two@away.example"],
  ["message", () => `/message?id=${held}`, "What happened"],
  ["domains", "/domains", "home.example"],
  ["domain", "/domains?domain=home.example", "v=spf1 mx ~all"],
  ["mailboxes", "/mailboxes", "alice@home.example"],
  ["sites", "/sites", "Processes"],
  ["policies", "/policies", "default/default"],
] as const;

const looks = [
  ["light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
  [
    "dark-phone",
    { colorScheme: "dark", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  ],
] as const;

for (const [look, options] of looks) {
  test(
    `axe finds nothing on any page, ${look}, nothing is wider than the window, nothing goes wrong`,
    chromium,
    async () => {
      const page = await enter("/", options);
      for (const [name, where, text] of pages) {
        await page.goto(typeof where === "string" ? where : where());
        await page.getByText(text).first().waitFor();
        await assertAccessible(page, `${name}, ${look}`);
        await screenshot(page, `${name}-${look}`);
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(width <= options.viewport.width, `${name} is ${width} wide, ${look}`);
      }
      assert.deepEqual(complaints.get(page), []);
    },
  );
}

test("what strangers wrote is text", chromium, async () => {
  const page = await enter("/queue?destination=away.example");
  await page.getByText(hostile).first().waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.match(await page.title(), /^Queue/);
  // A page that was tricked into writing a script could not run it.
  const ran = page.evaluate(`document.body.innerHTML = "<p>x</p>"`);
  await assert.rejects(ran, /TrustedHTML/);
});

test("jobs are held: chosen, looked at in a question, ordered; all of it by keyboard", chromium, async () => {
  const page = await enter("/queue?recipient=two@away.example&view=jobs");
  await page.getByLabel("Choose the job for two@away.example").focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Hold" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Hold jobs" });
  await dialog.getByText("1 job").first().waitFor();
  await assertAccessible(page, "the question");
  await screenshot(page, "order-light");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Hold" }).click();
  await dialog.getByRole("button", { name: "Hold 1 job" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Hold: 1 job.").waitFor();
  await page.getByRole("cell", { name: "held" }).waitFor();
});

test("an order to all that fit says how many those are, and bounces them", chromium, async () => {
  const page = await enter("/queue?recipient=three@away.example");
  await page.getByRole("button", { name: "Bounce" }).click();
  const dialog = page.getByRole("dialog", { name: "Bounce jobs" });
  await dialog.getByLabel("What senders are told").fill("the address is gone");
  await dialog.getByRole("button", { name: "Bounce 1 job" }).click();
  await page.getByText("Bounce: 1 job.").waitFor();
  const report = await until("the sender is told", async () =>
    (await world.observer.mail("sender@home.example")).find((text) => text.includes("the address is gone")),
  );
  assert.match(report, /three@away\.example/);
});

test(
  "a policy is suspended and resumed, and a dry run tells where a message would go",
  chromium,
  async () => {
    const page = await enter("/policies");
    await page.getByRole("button", { name: "Suspend" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Why, for your colleagues").fill("they are moving");
    await dialog.getByRole("button", { name: "Suspend" }).click();
    await page.getByText("is suspended.").waitFor();
    await until("it is shown", async () => {
      await page.reload();
      await page.getByText("default/default").first().waitFor();
      return (await page.getByText("they are moving").count()) > 0 ? true : undefined;
    });
    await page.getByLabel("To", { exact: true }).fill("x@away.example");
    await page.getByLabel("From the client").fill("127.0.0.1");
    await page.getByRole("button", { name: "Tell" }).click();
    await page.getByText("The delivery of default/default is paused").waitFor();
    await screenshot(page, "dry-run-light");
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByText("default/default goes on.").waitFor();
  },
);

test("the overview follows what happens without being loaded again", chromium, async () => {
  const page = await enter("/");
  const queued = page.locator(".tiles div", { hasText: "Queued" }).locator("b");
  const before = Number(await queued.textContent());
  await world.submit({ to: "four@away.example", from: "sender@home.example" });
  await until("it is shown", async () => (Number(await queued.textContent()) > before ? true : undefined));
});

test("a viewer looks, and finds nothing to order with", chromium, async () => {
  const page = await browser.page();
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    const told = (await answer.json()) as object;
    await route.fulfill({ response: answer, json: { ...told, role: "viewer" } });
  });
  await page.goto(`/queue?destination=away.example#${api.token}`);
  await page.getByText("two@away.example").waitFor();
  assert.equal(await page.getByRole("button", { name: "Hold" }).count(), 0);
});
