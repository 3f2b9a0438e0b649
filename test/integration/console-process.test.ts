/**
 * `postfleet console` beside daemons that share a NATS: tokens with roles, logins at an OpenID provider, and that it needs no key
 * to the directory.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { generateDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { getText } from "../../daemon/net/https-get.ts";
import { openApi } from "../harness/api-client.ts";
import { assertAccessible, openBrowser } from "../harness/browser.ts";
import { type ConsoleProcess, startConsole } from "../harness/console-process.ts";
import { freePort } from "../harness/free-port.ts";
import { aDomain, aMailbox, aPolicy, aSecret, manifest } from "../harness/manifest.ts";
import { startNats } from "../harness/nats-server.ts";
import { startIssuer } from "../harness/oidc-issuer.ts";
import { startPostfleet } from "../harness/postfleet.ts";
import { needs } from "../harness/programs.ts";
import { submit } from "../harness/submit.ts";
import { until } from "../harness/until.ts";
import { fetchAnew } from "../harness/web.ts";

const folder = await mkdtemp(join(tmpdir(), "console-"));
const file = async (name: string, text: string | Uint8Array) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const operatorToken = randomBytes(24).toString("base64url");
const viewerToken = randomBytes(24).toString("base64url");
const nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
const env = { NATS_URL: nats.url, NATS_USER: nats.user, NATS_PASSWORD: nats.password };
const issuer = await startIssuer();
issuer.clientSecret = "the console's own secret";
const fleet = await startPostfleet({
  resources: manifest(
    aDomain("home.example", { dkim: { algorithms: ["Ed25519"], secretRef: { name: "keys" } } }),
    aSecret("keys", { "postfleet-ed25519.pem": generateDkimKey("ed25519-sha256") }),
    aMailbox("alice@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, paused: true }),
  ),
  args: ["--nats", nats.url, "--hostname", "mx.fleet.example"],
  env: { ...env, POSTFLEET_DIRECTORY_KEY_FILE: await file("directory.key", randomBytes(32)) },
});
const port = await freePort();
const redirect = `http://127.0.0.1:${port}/`;
const console_: ConsoleProcess = await startConsole(
  [
    ...["--token-file", await file("operator", operatorToken)],
    ...["--viewer-token-file", await file("viewer", `${viewerToken}\n`)],
    ...["--host", "console.example.org"],
    ...["--oidc-issuer", issuer.issuer, "--oidc-client-id", "postfleet", "--oidc-redirect", redirect],
    ...["--oidc-client-secret-file", await file("secret", issuer.clientSecret)],
    ...["--oidc-ca-file", await file("ca.pem", issuer.ca)],
    ...["--oidc-operators", "on-call", "--oidc-viewers", "staff"],
  ],
  env,
  port,
);
const base = `${console_.base}/api/v1`;
const operator = await openApi(base, operatorToken);
const viewer = await openApi(base, viewerToken);
after(async () => {
  await console_[Symbol.asyncDispose]();
  await fleet[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test("a viewer sees what operators see, and may change nothing nor read headers", async () => {
  const id = await submit(fleet.port("smtp"), { to: "far@away.example", from: "alice@home.example" });
  interface Jobs {
    readonly jobs: readonly { readonly key: string; readonly state: string }[];
  }
  const job = await until("it is queued", async () => {
    const { body } = await viewer.get<Jobs>(`/queue/jobs?message=${id}`);
    return body.jobs[0]?.state === "paused" ? body.jobs[0] : undefined;
  });
  const order = { action: "hold", keys: [job.key], atMost: 1 };
  assert.equal((await viewer.post("/queue/orders", order)).status, 403);
  assert.equal((await viewer.post("/policies/default/default/suspend", {})).status, 403);
  assert.equal((await viewer.get(`/messages/${id}/header`)).status, 403);
  assert.equal((await viewer.get(`/messages/${id}`)).status, 200);
  const held = await operator.post<{ readonly changed: number }>("/queue/orders", order);
  assert.deepEqual([held.status, held.body.changed], [200, 1]);
  const { body } = await operator.get<{ readonly header: string }>(`/messages/${id}/header`);
  assert.match(body.header, /^Received: /);
});

test("keys are told by those who sign with them: the console has no key to the directory", async () => {
  interface Health {
    readonly keys: readonly { readonly selector: string; readonly state: string }[];
  }
  const { body } = await viewer.get<Health>("/domains/home.example");
  assert.deepEqual(
    body.keys.map(({ selector, state }) => [selector, state]),
    [["postfleet-ed25519", "signing"]],
  );
  const { body: boxes } = await viewer.get<{ readonly matching: number }>("/mailboxes");
  assert.equal(boxes.matching, 1);
});

test("it is ready, has metrics, and tells no token to its log", async () => {
  assert.equal((await fetchAnew(`${console_.base}/readyz`)).status, 200);
  assert.match(await (await fetchAnew(`${console_.base}/metrics`)).text(), /process_cpu/);
  for (const secret of [operatorToken, viewerToken, issuer.clientSecret ?? ""])
    assert.ok(!console_.log.includes(secret));
});

/** As the page does it: to the provider, and back with a code. */
async function codeFor(verifier: string, nonce: string): Promise<string> {
  const { body } = await viewer.get<{ readonly oidc: { readonly authorize: string } }>("/session/ways");
  const url = new URL(body.oidc.authorize);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const asked = {
    client_id: "postfleet",
    redirect_uri: redirect,
    state: "x",
    nonce,
    code_challenge: challenge,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);

  // The redirect is the answer; `getText` follows none, and says so.
  await assert.rejects(getText(url.href, { ca: issuer.ca }, AbortSignal.timeout(60_000)), /answers 302/);
  return issuer.lastCode();
}

test("a login at the provider opens a session of the person's role; what does not hold opens none", async () => {
  const verifier = randomBytes(32).toString("base64url");
  const nonce = randomBytes(16).toString("base64url");
  const enter = (code: string, more: object = {}) =>
    operator.post<{ readonly session: string; readonly role: string; readonly name: string }>(
      "/session/oidc",
      { code, verifier, nonce, ...more },
      { authorization: "" },
    );
  issuer.person = { sub: "1", email: "ann@example.org", groups: ["staff"] };
  const ann = await enter(await codeFor(verifier, nonce));
  assert.deepEqual([ann.body.role, ann.body.name], ["viewer", "ann@example.org"]);
  const asked = await viewer.get("/overview", { authorization: `Bearer ${ann.body.session}` });
  assert.equal(asked.status, 200);
  issuer.person = { sub: "2", groups: ["on-call", "staff"] };
  assert.equal((await enter(await codeFor(verifier, nonce))).body.role, "operator");
  issuer.person = { sub: "3", groups: ["others"] };
  assert.equal((await enter(await codeFor(verifier, nonce))).status, 403);
  issuer.person = { sub: "2", groups: ["on-call"] };
  const wrong = { verifier: randomBytes(32).toString("base64url") };
  assert.equal((await enter(await codeFor(verifier, nonce), wrong)).status, 401);
  assert.equal(
    (await enter(await codeFor(verifier, nonce), { nonce: "another nonce than that" })).status,
    401,
  );
  issuer.person = { sub: "2", groups: ["on-call"], aud: "another client" };
  assert.equal((await enter(await codeFor(verifier, nonce))).status, 401);
  issuer.person = { sub: "2", groups: ["on-call"], exp: 1 };
  assert.equal((await enter(await codeFor(verifier, nonce))).status, 401);
  assert.equal((await enter("no code at all")).status, 401);
});

test("the page goes to the provider and comes back logged in", needs("chromium"), async () => {
  issuer.person = { sub: "2", email: "olga@example.org", groups: ["on-call"] };
  await using browser = await openBrowser(console_.base);
  const page = await browser.page({ ignoreHTTPSErrors: true });
  await page.goto("/");
  await assertAccessible(page, "the login");
  await page.getByRole("button", { name: /Log in at localhost/ }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByText("operator").first().waitFor();
  assert.equal(page.url(), redirect);
  // A link that somebody else made leads to nobody's session.
  const other = await browser.page({ ignoreHTTPSErrors: true });
  await other.goto("/?code=stolen&state=made-up");
  await other.getByRole("alert").getByText("was not begun here").waitFor();
});
