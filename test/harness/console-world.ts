/**
 * A real daemon with something on every page of its console, and a real Chromium before it.
 *
 * Use:    `let scene: ConsoleWorld; before(async () => { if (!chromium.skip) scene = await openConsoleWorld(); });`
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { type ApiClient, apiOf } from "./api-client.ts";
import { openBrowser, type TestBrowser } from "./browser.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "./manifest.ts";
import { until } from "./until.ts";
import { openWorld, type World } from "./world.ts";

export interface ConsoleWorld extends AsyncDisposable {
  readonly world: World;
  readonly api: ApiClient;
  readonly browser: TestBrowser;
  /** A message that waits for its next try. */
  readonly held: string;
  /** One that is done with. */
  readonly delivered: string;
  /** Logged in by the address that a terminal prints. */
  enter(path: string, options?: Parameters<TestBrowser["page"]>[0]): Promise<Page>;
  /** The receiver of webhook `crm` takes events from now on; resolves when it took one, which no retry of our own does. */
  mend(): Promise<void>;
}

/** A stranger's answer. */
export const hostile = `<img src=x onerror="document.title='owned'">`;

/** Receives webhooks: `old` wants nothing more, `crm` is broken until somebody mends it. */
async function openReceiver() {
  let state: "broken" | "resting" | "mended" = "broken";
  const rested = Promise.withResolvers<void>();
  const took = Promise.withResolvers<void>();
  const crm = {
    broken: () => [500, {}] as const,
    resting: () => {
      rested.resolve();
      return [500, { "retry-after": "3600" }] as const;
    },
    mended: () => {
      took.resolve();
      return [204, {}] as const;
    },
  };
  const server = createServer((request, response) => {
    const [status, headers] = request.url?.startsWith("/old") ? ([410, {}] as const) : crm[state]();
    request.resume().once("end", () => response.writeHead(status, headers).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** Asks to be left alone; resolves when it has: what waits is sent when somebody says so, and not before. */
    rest: () => {
      state = "resting";
      return rested.promise;
    },
    mend: () => {
      state = "mended";
      return took.promise;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const keyOld = generateDkimKey("ed25519-sha256");

const openDaemon = (port: number): Promise<World> =>
  openWorld({
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
          url: `http://127.0.0.1:${port}/${name}?token=hidden`,
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

async function fill(world: World): Promise<Pick<ConsoleWorld, "held" | "delivered">> {
  const from = "sender@home.example";
  const ids = [];
  for (const to of ["one@away.example", "two@away.example", "three@away.example"])
    ids.push(await world.submit({ to, from }));
  const held = ids[0] ?? "";
  const delivered = await world.submit({
    to: ["alice@home.example", "ann@open.example", "nobody@strict.example"],
    from,
  });
  for (const to of ["bob@home.example", "bob@home.example", "bob@home.example", "bob@home.example"])
    await world.submit({ to, from, text: "word ".repeat(700) });
  await world.submit({ to: "x@dead.example", from });
  return { held, delivered };
}

async function settled(api: ApiClient): Promise<void> {
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
}

export async function openConsoleWorld(): Promise<ConsoleWorld> {
  await using parts = new AsyncDisposableStack();
  const receiver = parts.use(await openReceiver());
  const world = parts.use(await openDaemon(receiver.port));
  const api = await apiOf(world.fleet);
  const messages = await fill(world);
  await settled(api);
  await receiver.rest();
  const browser = parts.use(await openBrowser(`http://${world.fleet.endpoint("health")}`));
  const owned = parts.move();
  return {
    world,
    api,
    browser,
    ...messages,
    async enter(path, options = {}) {
      const page = await browser.page(options);
      await page.goto(`${path}#${api.token}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      return page;
    },
    mend: receiver.mend,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
