/**
 * The console in a real Chromium, on a real daemon: every page, light and dark, on a desk and on a phone, judged by axe; by
 * keyboard; and what an operator does there.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { type ApiClient, apiOf } from "../harness/api-client.ts";
import {
  assertAccessible,
  complaints,
  openBrowser,
  screenshot,
  type TestBrowser,
} from "../harness/browser.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "../harness/manifest.ts";
import { needs } from "../harness/programs.ts";
import { until } from "../harness/until.ts";
import { openWorld, type World } from "../harness/world.ts";

const chromium = needs("chromium");
const hostile = `<img src=x onerror="document.title='owned'">`;
let world: World;
let browser: TestBrowser;
let api: ApiClient;
let held = "";
let delivered = "";

const keyOld = generateDkimKey("ed25519-sha256");

/** Of webhooks: `old` wants nothing more, `crm` is broken until somebody mends it. */
let isMended = false;
const receiver = createServer((request, response) => {
  const status = request.url?.startsWith("/old") ? 410 : isMended ? 204 : 500;
  request.resume().once("end", () => response.writeHead(status).end());
});

before(async () => {
  if (chromium.skip) return;
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  world = await openWorld({
    documents: [
      aDomain("home.example", {
        dkim: { selector: "new", algorithms: ["Ed25519"], secretRef: { name: "keys" } },
      }),
      aDomain("brand.example", { aliases: [{ name: "all", to: ["alice@home.example", "x@open.example"] }] }),
      aSecret("keys", { "old-ed25519.pem": keyOld, "new-ed25519.pem": generateDkimKey("ed25519-sha256") }),
      aMailbox("alice@home.example", { quota: "1Mi" }),
      aMailbox("bob@home.example", { quota: "16Ki", messageQuota: 5 }),
      aMailbox("sender@home.example"),
      aPolicy({
        acceptFrom: { cidrs: ["127.0.0.1/32"] },
        retry: { initial: "1h", factor: 1, max: "1h" },
        webhooks: ["crm", "old"].map((name) => ({
          name,
          url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${name}?token=hidden`,
          secretRef: { name: "hooks" },
        })) as never,
      }),
      aSecret("hooks", { secret: "a-secret-of-more-than-24-characters" }),
      aPolicy(
        { paused: true, route: { smarthost: { host: "smtp.provider.example", port: 587, tls: "Require" } } },
        "newsletter",
      ),
    ],
    hops: {
      "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? `450 4.2.0 ${hostile}` : undefined) },
      "127.0.0.4": {},
      "127.0.0.5": { reply: ({ stage }) => (stage === "rcpt" ? "550 5.1.1 No such user here" : undefined) },
    },
    zone: {
      "away.example": ["A 127.0.0.3"],
      "open.example": ["MX 10 mx1.open.example", "MX 20 mx2.open.example"],
      "mx1.open.example": ["A 127.0.0.4"],
      "mx2.open.example": ["A 127.0.0.4"],
      "strict.example": ["A 127.0.0.5"],
      "dead.example": ["A 127.0.0.7"],
      "home.example": ["MX 10 mx.fleet.example", 'TXT "v=spf1 ip4:192.0.2.1 -all"'],
      "old-ed25519._domainkey.home.example": [`TXT "${dkimRecord(parseDkimKey(keyOld))}"`],
    },
  });
  api = await apiOf(world.fleet);
  const from = "sender@home.example";
  const ids = [];
  for (const to of ["one@away.example", "two@away.example", "three@away.example"])
    ids.push(await world.submit({ to, from }));
  held = ids[0] ?? "";
  delivered = await world.submit({
    to: ["alice@home.example", "ann@open.example", "nobody@strict.example"],
    from,
  });
  for (const to of ["bob@home.example", "bob@home.example", "bob@home.example", "bob@home.example"])
    await world.submit({ to, from, text: "word ".repeat(700) });
  await world.submit({ to: "x@dead.example", from });
  await until("all were tried", async () => {
    const { body } = await api.get<{ total: { deferred: number; ready: number; active: number } }>(
      "/queue/groups",
    );
    return body.total.deferred === 4 && body.total.ready + body.total.active === 0 ? true : undefined;
  });
  await until("webhooks have failed", async () => {
    const { body } = await api.get<{ webhooks: { state: string }[] }>("/webhooks");
    return body.webhooks.map(({ state }) => state).join() === "failing,gone" ? true : undefined;
  });
  browser = await openBrowser(`http://${world.fleet.endpoint("health")}`);
});
after(async () => {
  if (chromium.skip) return;
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  receiver.closeAllConnections();
  receiver.close();
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
  ["webhooks", "/webhooks", "policy:default:crm"],
  ["webhook", "/webhooks?namespace=default&hook=policy:default:old", "wants nothing more"],
  ["overview", "/", "away.example"],
  ["queue", "/queue", "away.example"],
  ["jobs", "/queue?destination=away.example", "two@away.example"],
  ["message", () => `/message?id=${held}`, "What happened"],
  ["message-done", () => `/message?id=${delivered}`, "in its mailbox here"],
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
      const page = await enter("/", options);
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
    await page.getByRole("button", { name: "Suspend default/default" }).click();
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
    await page.getByRole("button", { name: "Resume default/default" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByText("default/default goes on.").waitFor();
  },
);

test(
  "a DNS record is copied as it belongs into the zone; where the browser allows none, that is said",
  chromium,
  async () => {
    const page = await enter("/domains?domain=home.example", {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const button = page.getByRole("button", { name: "Copy the MX record of home.example" });
    await button.click();
    await button.getByText("Copied").waitFor();
    assert.match(await page.evaluate<string>("navigator.clipboard.readText()"), /^10 mx\./);
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
    await button.getByText("Copy", { exact: true }).waitFor();
    await button.click();
    await button.getByText("The browser does not allow it").waitFor();
  },
);

test("a mailbox's bars say how full it is, of octets and of messages", chromium, async () => {
  const page = await enter("/mailboxes?match=bob@*");
  const bars = page.getByRole("meter", { name: /^How full bob@home\.example is/ });
  await bars.nth(1).waitFor();
  const values = await bars.evaluateAll((all) => all.map((bar) => Number(bar.getAttribute("value"))));
  const { body } = await api.get<{ mailboxes: { bytes: number; messages: number }[] }>(
    "/mailboxes?match=bob@*",
  );
  const { bytes = 0, messages = 0 } = body.mailboxes[0] ?? {};
  assert.deepEqual(values, [Math.min(1, bytes / 16_384), messages / 5]);
  assert.ok(messages > 0);
});

test("a policy that stands still for two reasons tells both", chromium, async () => {
  const suspend = (what: string) => api.post(`/policies/default/newsletter/${what}`, {});
  assert.equal((await suspend("suspend")).status, 200);
  const page = await enter("/policies");
  const row = page.getByRole("row").filter({ hasText: "default/newsletter" });
  await until("both are told", async () => {
    await page.reload();
    await row.getByText("by its resource: spec.paused").waitFor();
    return (await row.getByText("suspended", { exact: true }).count()) > 0 ? true : undefined;
  });
  assert.equal((await suspend("resume")).status, 200);
});

test("a site is suspended and resumed, and says why it is", chromium, async () => {
  const page = await enter("/sites");
  await page.getByRole("button", { name: "Suspend away.example" }).click();
  const dialog = page.getByRole("dialog", { name: "Suspend away.example" });
  await dialog.getByLabel("Why, for your colleagues").fill("their disks are full");
  await assertAccessible(page, "the question about a site");
  await dialog.getByRole("button", { name: "Suspend" }).click();
  await page.getByText("their disks are full").waitFor();
  await screenshot(page, "site-suspended-light");
  await page.getByRole("button", { name: "Resume away.example" }).click();
  await dialog.or(page.getByRole("dialog")).getByRole("button", { name: "Resume" }).click();
  await page.getByText("away.example goes on.").waitFor();
});

test(
  "an event that a webhook waits with is sent at once, and what one gave up is forgotten",
  chromium,
  async () => {
    const page = await enter("/webhooks");
    await page.getByText("127.0.0.1:").first().waitFor();
    assert.equal(await page.getByText("token=hidden").count(), 0);
    await page.getByRole("link", { name: "default/policy:default:crm" }).click();
    await page.getByText("answered 500").first().waitFor();
    isMended = true;
    await page
      .getByLabel(/^Choose accepted of/)
      .first()
      .check();
    await page.getByRole("button", { name: "Send again" }).click();
    const dialog = page.getByRole("dialog", { name: "Send again: policy:default:crm" });
    await assertAccessible(page, "the question about events");
    await dialog.getByRole("button", { name: "Send again: 1 event" }).click();
    await page.getByText("Send again: 1 event.").waitFor();
    await page.goto("/webhooks?namespace=default&hook=policy:default:old");
    await page.getByRole("button", { name: "Send again" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Send again: / })
      .click();
    await page.getByRole("alert").getByText("said 410").waitFor();
    await page.getByRole("button", { name: "Forget" }).click();
    await screenshot(page, "webhook-forget-light");
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Forget: / })
      .click();
    await page.getByText("It gave up nothing.").waitFor();
  },
);

test("the overview follows what happens without being loaded again", chromium, async () => {
  const page = await enter("/");
  const queued = page.locator(".tiles div", { hasText: "Queued" }).locator("b");
  const before = Number(await queued.textContent());
  await world.submit({ to: "four@away.example", from: "sender@home.example" });
  await until("it is shown", async () => (Number(await queued.textContent()) > before ? true : undefined));
});

test(
  "an overview that is not heard of any more says so beside its last figures, until it is again",
  chromium,
  async () => {
    const page = await browser.page();
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
    const seen = (await api.get<object>("/overview")).body;
    const figures = JSON.stringify({ ...seen, closed: "full" });
    await page.goto(`/#${api.token}`);
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
