/** What an operator does in the console, in a real Chromium on a real daemon: each order is asked about first, and told after. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, screenshot } from "../harness/browser.ts";
import { type ConsoleWorld, openConsoleWorld } from "../harness/console-world.ts";
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

test("jobs are held: chosen, looked at in a question, ordered; all of it by keyboard", chromium, async () => {
  const page = await scene.enter("/queue?recipient=two@away.example&view=jobs");
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
  const page = await scene.enter("/queue?recipient=three@away.example");
  await page.getByRole("button", { name: "Bounce" }).click();
  const dialog = page.getByRole("dialog", { name: "Bounce jobs" });
  await dialog.getByLabel("What senders are told").fill("the address is gone");
  await dialog.getByRole("button", { name: "Bounce 1 job" }).click();
  await page.getByText("Bounce: 1 job.").waitFor();
  const report = await until("the sender is told", async () =>
    (await scene.world.observer.mail("sender@home.example")).find((text) =>
      text.includes("the address is gone"),
    ),
  );
  assert.match(report, /three@away\.example/);
});

test(
  "a policy is suspended and resumed, and a dry run tells where a message would go",
  chromium,
  async () => {
    const page = await scene.enter("/policies");
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

test("a policy that stands still for two reasons tells both", chromium, async () => {
  const suspend = (what: string) => scene.api.post(`/policies/default/newsletter/${what}`, {});
  assert.equal((await suspend("suspend")).status, 200);
  const page = await scene.enter("/policies");
  const row = page.getByRole("row").filter({ hasText: "default/newsletter" });
  await until("both are told", async () => {
    await page.reload();
    await row.getByText("by its resource: spec.paused").waitFor();
    return (await row.getByText("suspended", { exact: true }).count()) > 0 ? true : undefined;
  });
  assert.equal((await suspend("resume")).status, 200);
});

test("a site is suspended and resumed, and says why it is", chromium, async () => {
  const page = await scene.enter("/sites");
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
    const page = await scene.enter("/webhooks");
    await page.getByText("127.0.0.1:").first().waitFor();
    assert.equal(await page.getByText("token=hidden").count(), 0);
    await page.getByRole("link", { name: "default/policy:default:crm" }).click();
    await page.getByText("answered 500").first().waitFor();
    const taken = scene.mend();
    await page
      .getByLabel(/^Choose accepted of/)
      .first()
      .check();
    await page.getByRole("button", { name: "Send again" }).click();
    const dialog = page.getByRole("dialog", { name: "Send again: policy:default:crm" });
    await assertAccessible(page, "the question about events");
    await dialog.getByRole("button", { name: "Send again: 1 event" }).click();
    await page.getByText("Send again: 1 event.").waitFor();
    await taken;
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
