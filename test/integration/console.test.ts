/**
 * The console in a real Chromium, on a real daemon: every page, light and dark, on a desk and on a phone, judged by axe; by
 * keyboard; what is shown, to whom, and how old it is. Orders have a file of their own.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, complaints, screenshot } from "../harness/browser.ts";
import { type ConsoleWorld, hostile, openConsoleWorld } from "../harness/console-world.ts";
import { needs } from "../harness/programs.ts";
import { until } from "../harness/until.ts";

const chromium = needs("chromium");
let scene: ConsoleWorld;
before(async () => {
  if (!chromium.skip) scene = await openConsoleWorld();
});
after(async () => {
  if (!chromium.skip) await scene[Symbol.asyncDispose]();
});

test(
  "a token lets in, by form or address; the address forgets it; a wrong one is told",
  chromium,
  async () => {
    const page = await scene.browser.page();
    await page.goto("/queue");
    await assertAccessible(page, "the login");
    await page.getByLabel("Token").fill("nonsense");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("no token of ours").waitFor();
    await page.getByLabel("Token").fill(scene.api.token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Queue" }).waitFor();
    const other = await scene.enter("/");
    assert.equal(new URL(other.url()).hash, "");
    await other.getByRole("button", { name: "Log out" }).click();
    await other.getByLabel("Token").waitFor();
    assert.deepEqual(await other.context().cookies(), []);
  },
);

const pages = [
  ["webhooks", "/webhooks", "policy:default:crm"],
  ["webhook", "/webhooks?namespace=default&hook=policy:default:old", "wants nothing more"],
  ["overview", "/", "away.example"],
  ["queue", "/queue", "away.example"],
  ["jobs", "/queue?destination=away.example", "two@away.example"],
  ["message", () => `/message?id=${scene.held}`, "What happened"],
  ["message-done", () => `/message?id=${scene.delivered}`, "in its mailbox here"],
  ["domains", "/domains", "home.example"],
  ["domain", "/domains?domain=home.example", "A rotation is under way"],
  ["mailboxes", "/mailboxes", "alice@home.example"],
  ["sites", "/sites", "mailbox-unknown"],
  ["policies", "/policies", "default/default"],
] as const;

const looks = [
  ["light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }],
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
      const page = await scene.enter("/", options);
      for (const [name, where, text] of pages) {
        await page.goto(typeof where === "string" ? where : where());
        await page.getByText(text).first().waitFor();
        // What a desk in the dark shows differs from the others by its colours, and those are the phone's.
        if (look !== "dark") await assertAccessible(page, `${name}, ${look}`);
        await screenshot(page, `${name}-${look}`);
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(width <= options.viewport.width, `${name} is ${width} wide, ${look}`);
      }
      assert.deepEqual(complaints.get(page), []);
    },
  );
}

test("what strangers wrote is text", chromium, async () => {
  const page = await scene.enter("/queue?destination=away.example");
  await page.getByText(hostile).first().waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.match(await page.title(), /^Queue/);
  // A page that was tricked into writing a script could not run it.
  const ran = page.evaluate(`document.body.innerHTML = "<p>x</p>"`);
  await assert.rejects(ran, /TrustedHTML/);
});

test(
  "a DNS record is copied as it belongs into the zone; where the browser allows none, that is said",
  chromium,
  async () => {
    const page = await scene.enter("/domains?domain=home.example", {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const button = page.getByRole("button", { name: "Copy the MX record of home.example" });
    await button.waitFor();
    // What the button says goes away by itself: when the test says so, however slow a machine is.
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    await button.click();
    await button.getByText("Copied").waitFor();
    assert.match(await page.evaluate<string>("navigator.clipboard.readText()"), /^10 mx\./);
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
    await page.clock.runFor(5_000);
    await button.getByText("Copy", { exact: true }).waitFor();
    await button.click();
    await button.getByText("The browser does not allow it").waitFor();
  },
);

test("a mailbox's bars say how full it is, of octets and of messages", chromium, async () => {
  const page = await scene.enter("/mailboxes?match=bob@*");
  const bars = page.getByRole("meter", { name: /^How full bob@home\.example is/ });
  await bars.nth(1).waitFor();
  const values = await bars.evaluateAll((all) => all.map((bar) => Number(bar.getAttribute("value"))));
  const { body } = await scene.api.get<{ mailboxes: { bytes: number; messages: number }[] }>(
    "/mailboxes?match=bob@*",
  );
  const { bytes = 0, messages = 0 } = body.mailboxes[0] ?? {};
  assert.deepEqual(values, [Math.min(1, bytes / 16_384), messages / 5]);
  assert.ok(messages > 0);
});

test("the overview follows what happens without being loaded again", chromium, async () => {
  const page = await scene.enter("/");
  const queued = page.locator(".tiles div", { hasText: "Queued" }).locator("b");
  const before = Number(await queued.textContent());
  await scene.world.submit({ to: "four@away.example", from: "sender@home.example" });
  await until("it is shown", async () => (Number(await queued.textContent()) > before ? true : undefined));
});

test(
  "an overview that is not heard of any more says so beside its last figures, until it is again",
  chromium,
  async () => {
    const page = await scene.browser.page();
    let isAway = false;
    await page.route("**/api/v1/live", async (route) => {
      if (!isAway) return route.fulfill({ contentType: "text/event-stream", body: `data: ${figures}\n\n` });
      const detail = "The store does not answer: away";
      return route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({ detail }),
      });
    });
    const seen = (await scene.api.get<object>("/overview")).body;
    const figures = JSON.stringify({ ...seen, closed: "full" });
    await page.goto(`/#${scene.api.token}`);
    const full = page.getByRole("alert").getByText("the store is nearly full");
    await full.waitFor();
    isAway = true;
    await page.getByRole("alert").getByText("The store does not answer").waitFor();
    assert.equal(await page.getByText("As of").count(), 1);
    isAway = false;
    await page.getByText("The store does not answer").waitFor({ state: "detached" });
    assert.equal(await full.count(), 1);
  },
);

test("a viewer looks, and finds nothing to order with", chromium, async () => {
  const page = await scene.browser.page();
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    const told = (await answer.json()) as object;
    await route.fulfill({ response: answer, json: { ...told, role: "viewer" } });
  });
  await page.goto(`/queue?destination=away.example#${scene.api.token}`);
  await page.getByText("two@away.example").waitFor();
  assert.equal(await page.getByRole("button", { name: "Hold" }).count(), 0);
});
