/**
 * The console on the cluster, from its guide's commands to an order that is carried out.
 *
 * In:     everything is installed, the examples are ready, the sink pod takes mail for sink.test.
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { type ApiClient, openApi } from "../../harness/api-client.ts";
import { until } from "../../harness/until.ts";
import { consoleToken, forwardConsole } from "../harness/console.ts";
import { commandsIn, follow } from "../harness/guide.ts";
import { host, namespace, release, submissionPort } from "../harness/installation.ts";
import { field, items, kubectl } from "../harness/kube.ts";
import { queuedAs, submit } from "../harness/mail.ts";
import { takenBySinkPod } from "../harness/sink-pod.ts";
import { step } from "../harness/step.ts";
import { chart, helm } from "../harness/tools.ts";

const alice = { user: "alice@example.test", password: "correct-horse-battery" };
const policy = "/policies/default/default";

/** With a session, as the page has it, not with the token itself. */
async function loggedIn(base: string, role: "operator" | "viewer"): Promise<ApiClient> {
  const api = `${base}/api/v1`;
  const door = await openApi(api, "nobody");
  const login = { token: await consoleToken(role) };
  const { body } = await door.post<{ session: string; role: string }>("/session", login, {
    authorization: "",
  });
  assert.equal(body.role, role);
  return openApi(api, body.session);
}

const views = [
  "/overview",
  "/queue/groups",
  "/queue/jobs",
  "/domains",
  "/domains/example.test",
  "/mailboxes",
  "/sites",
  "/policies",
] as const;

export function consoleSteps(): void {
  step(
    "the console is turned on as its guide says, and shows the installation to whoever has a token",
    async () => {
      await follow(await commandsIn("console", "On Kubernetes"));
      await kubectl("rollout", "status", "-n", namespace, `deploy/${release}-console`, "--timeout", "120s");
      await using console_ = await forwardConsole();
      const page = await fetch(console_.base);
      assert.match(await page.text(), /<div id="app">/);
      assert.match(page.headers.get("content-security-policy") ?? "", /script-src 'self'/);
      assert.equal((await fetch(`${console_.base}/api/v1/overview`)).status, 401);
      const viewer = await loggedIn(console_.base, "viewer");
      for (const view of views) assert.equal((await viewer.get(view)).status, 200, view);
      const { body: boxes } = await viewer.get<{ mailboxes: { address: string }[] }>("/mailboxes");
      assert.ok(boxes.mailboxes.some(({ address }) => address === alice.user));
      const { body: domain } = await viewer.get<{ keys: object[]; keysUnknown: boolean }>(
        "/domains/example.test",
      );
      assert.ok(domain.keys.length > 0 && !domain.keysUnknown, "who signs told its keys");
      assert.equal((await viewer.post(`${policy}/suspend`, {})).status, 403);
      const all = { action: "bounce", filter: {}, atMost: 1_000 };
      assert.equal((await viewer.post("/queue/orders", all)).status, 403);
    },
  );

  step("what an operator orders there is done by the relays: suspend, hold, release, resume", async () => {
    await using console_ = await forwardConsole();
    const operator = await loggedIn(console_.base, "operator");
    assert.equal((await operator.post(`${policy}/suspend`, { reason: "a drill" })).status, 200);
    const to = ["--to", "someone@sink.test", "--header", "X-Road: by-console"];
    const id = queuedAs(await submit(`${host}:${submissionPort}`, alice, ...to));
    const inState = (state: string) =>
      until(`the job to be ${state}`, async () => {
        const { body } = await operator.get<{ jobs: { key: string; state: string }[] }>(
          `/queue/jobs?message=${id}`,
        );
        return body.jobs[0]?.state === state ? body.jobs[0] : undefined;
      });
    const { key } = await inState("paused");
    const order = async (action: string) => {
      const done = await operator.post<{ changed: number }>("/queue/orders", {
        action,
        keys: [key],
        atMost: 1,
      });
      assert.deepEqual([done.status, done.body.changed], [200, 1], action);
    };
    await order("hold");
    await inState("held");
    await order("release");
    await inState("paused");
    assert.equal((await operator.post(`${policy}/resume`, undefined)).status, 200);
    await until("the mail at the sink pod", () => takenBySinkPod("X-Road: by-console"), 90_000);
    const kinds = await until("its time line", async () => {
      const { body } = await operator.get<{ events: { kind: string }[] }>(`/messages/${id}`);
      const found = body.events.map(({ kind }) => kind);
      return found.includes("delivered") ? found : undefined;
    });
    assert.deepEqual(kinds, ["accepted", "held", "released", "delivered"]);
  });

  step("collectors find the console's pods beside the daemons', and each tells its figures", async () => {
    const rendered = await helm(
      ...["template", release, chart, "-n", namespace, "--show-only", "templates/monitoring/monitors.yaml"],
      ...["--set", "monitoring.serviceMonitor.enabled=true"],
    );
    const monitor = parseAllDocuments(rendered)
      .map((each) => each.toJS())
      .find((each) => each?.kind === "PodMonitor");
    const { matchLabels, matchExpressions } = monitor.spec.selector;
    const equal = Object.entries(matchLabels).map(([name, value]) => `${name}=${value}`);
    const within = matchExpressions.map(
      ({ key, values }: { key: string; values: string[] }) => `${key} in (${values.join(",")})`,
    );
    const pods = await items("pods", "-A", "-l", [...equal, ...within].join(","));
    const names = pods.map(({ metadata }) => metadata.name).join(" ");
    for (const component of ["gateway", "mailbox", "relay", "console"])
      assert.match(names, new RegExp(component));
    for (const { metadata, status } of pods.filter(({ metadata }) => /console/.test(metadata.name))) {
      const figures = await (await fetch(`http://${status?.podIP}:8025/metrics`)).text();
      assert.match(figures, /^process_resident_memory_bytes \d/m, metadata.name);
    }
    const policyTypes = await field("{.spec.policyTypes}", "netpol", "-n", namespace, `${release}-console`);
    assert.deepEqual(JSON.parse(policyTypes), ["Ingress", "Egress"]);
  });
}
