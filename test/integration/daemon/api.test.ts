/**
 * The HTTP API of a real daemon: what it shows, what it changes, and whom it refuses. Every answer is held against the API's
 * own document (`api-client.ts`).
 */
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { until } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";
import { openWorld } from "../../harness/world.ts";

const byRetry = { initial: "1h", factor: 1, max: "1h", expireAfter: "5d", delayNoticeAfter: "0s" } as const;
const world = await openWorld({
  documents: [
    aDomain("home.example", { aliases: [{ name: "all", to: ["alice@home.example", "far@away.example"] }] }),
    aMailbox("alice@home.example", { quota: "10Mi" }),
    aMailbox("sender@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: byRetry }),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.8/32"] }, retry: byRetry }, "bulk"),
  ],
  hops: {
    "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? "450 4.2.0 never" : undefined) },
    "127.0.0.4": {},
  },
  zone: {
    "away.example": ["MX 10 mx.away.example"],
    "mx.away.example": ["A 127.0.0.3"],
    "open.example": ["A 127.0.0.4"],
    "home.example": ["MX 10 mx.fleet.example", 'TXT "v=spf1 mx ~all"'],
  },
});
after(() => world[Symbol.asyncDispose]());
const { fleet } = world;
const api = await apiOf(fleet);

interface JobShape {
  readonly key: string;
  readonly message: string;
  readonly state: string;
  readonly recipients: readonly string[];
  readonly history: readonly { readonly reply: string }[];
}
interface Jobs {
  readonly jobs: readonly JobShape[];
  readonly matching: number;
  readonly after?: string;
}

const from = "sender@home.example";
async function deferred(to: string): Promise<string> {
  const id = await world.submit({ to, from });
  await until("a first attempt", async () => {
    const { body } = await api.get<Jobs>(`/queue/jobs?message=${id}`);
    return body.jobs[0]?.history[0];
  });
  return id;
}
const jobOf = async (id: string) => (await api.get<Jobs>(`/queue/jobs?message=${id}`)).body.jobs[0];

test("the token lies beside the data, for its owner alone, and is not told to a log", async () => {
  const { mode } = await stat(join(fleet.data, "console.token"));
  assert.equal(mode & 0o777, 0o600);
  assert.ok(fleet.printed.includes("console.token"));
  assert.ok(!fleet.printed.includes(api.token) && !fleet.log.includes(api.token));
});

test("nobody gets in without a token; a token opens a session, which does for every question", async () => {
  for (const headers of [{ authorization: "" }, { authorization: "Bearer nonsense" }])
    assert.equal((await api.get("/overview", headers)).status, 401);
  const { body } = await api.post<{ session: string; role: string }>(
    "/session",
    { token: api.token },
    { authorization: "" },
  );
  assert.equal(body.role, "operator");
  const asked = await api.get<{ name: string }>("/session", { authorization: `Bearer ${body.session}` });
  assert.deepEqual([asked.status, asked.body.name], [200, "console.token"]);
});

test("pages of others are refused, whatever they know, and so are names that are made to point here", async () => {
  const evil = { origin: "https://evil.example" };
  assert.equal((await api.get("/overview", evil)).status, 403);
  assert.equal((await api.post("/queue/preview", {}, { "sec-fetch-site": "cross-site" })).status, 403);
  assert.equal(await statusOf("/api/v1/overview", { host: "evil.example" }), 421);
  assert.equal(await statusOf("/", { host: "evil.example:8025" }), 421);
});

/** `fetch` does not let a Host be chosen. */
const statusOf = (path: string, headers: Readonly<Record<string, string>>) =>
  new Promise<number>((resolve, reject) => {
    const port = fleet.port("health");
    const authorization = `Bearer ${api.token}`;
    const asking = request({ port, path, headers: { authorization, ...headers } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.on("error", reject).end();
  });

test("the queue is counted by destination and read in pages, by what is indexed and by what records tell", async () => {
  const ids = [];
  for (const n of [1, 2, 3]) ids.push(await deferred(`count${n}@away.example`));
  interface Groups {
    readonly total: { readonly jobs: number; readonly deferred: number };
    readonly groups: readonly { readonly destination: string; readonly deferred: number }[];
  }
  const groups = await api.get<Groups>("/queue/groups?destination=away.*");
  assert.deepEqual(
    groups.body.groups.map(({ destination, deferred: waiting }) => [destination, waiting]),
    [["away.example", 3]],
  );
  const first = await api.get<Jobs>("/queue/jobs?destination=away.example&state=deferred&limit=2");
  assert.deepEqual([first.body.jobs.length, first.body.matching], [2, 3]);
  const rest = await api.get<Jobs>(
    `/queue/jobs?destination=away.example&limit=2&after=${encodeURIComponent(first.body.after ?? "")}`,
  );
  const seen = [...first.body.jobs, ...rest.body.jobs].map(({ message }) => message);
  assert.deepEqual(seen.sort(), ids.sort());
  const one = await api.get<Jobs>("/queue/jobs?recipient=COUNT2@*&reason=450*never");
  assert.deepEqual(
    one.body.jobs.map(({ recipients }) => recipients),
    [["count2@away.example"]],
  );
  assert.equal((await api.get<Jobs>("/queue/jobs?recipient=nobody@*")).body.jobs.length, 0);
});

test("orders touch what was looked at and no more, and are written into the trace", async () => {
  const id = await deferred("order@away.example");
  const { key } = (await jobOf(id)) ?? assert.fail();
  const order = (body: object) => api.post<{ changed: number; gone: number }>("/queue/orders", body);
  const filter = { recipient: "order@*" };
  const preview = await api.post<{ matching: number; exact: boolean }>("/queue/preview", filter);
  assert.deepEqual([preview.body.matching, preview.body.exact], [1, true]);
  assert.equal((await order({ action: "hold", filter, atMost: 0 })).status, 409);
  assert.equal((await jobOf(id))?.state, "deferred");
  assert.equal((await order({ action: "hold", filter, atMost: 1 })).body.changed, 1);
  await until("it is held", async () => ((await jobOf(id))?.state === "held" ? true : undefined));
  assert.equal((await order({ action: "release", keys: [key], atMost: 1 })).body.changed, 1);
  await until("it waits again", async () => ((await jobOf(id))?.state === "deferred" ? true : undefined));
  assert.equal(
    (await order({ action: "bounce", keys: [key], atMost: 1, reason: "no more" })).body.changed,
    1,
  );
  await until("it is gone", async () => ((await jobOf(id)) === undefined ? true : undefined));
  assert.deepEqual((await order({ action: "retry", keys: [key], atMost: 1 })).body, {
    changed: 0,
    gone: 1,
    busy: 0,
    results: ["gone"],
  });
  interface Trace {
    /** Absent where nothing is known yet: events come a moment behind. */
    readonly events?: readonly { readonly kind: string; readonly words: string }[];
  }
  const kinds = await until("the trace tells of it", async () => {
    const { body } = await api.get<Trace>(`/messages/${id}`);
    const told = body.events?.map(({ kind }) => kind);
    return told?.includes("dsn") ? told : undefined;
  });
  for (const kind of ["accepted", "deferred", "held", "released", "bounced", "failed", "dsn"])
    assert.ok(kinds.includes(kind), `${kind} in ${kinds.join(" ")}`);
  // Ids and keys that were made up are of nothing, whatever time or shard they name.
  for (const made of ["0".repeat(26), `7${"z".repeat(25)}`])
    assert.equal((await api.get(`/messages/${made}`)).status, 404);
  const nowhere = `999${key.slice(key.indexOf("."))}`;
  assert.equal((await order({ action: "retry", keys: [nowhere], atMost: 1 })).body.gone, 1);
});

test("orders and previews say what is wrong with them", async () => {
  for (const body of [
    {},
    { action: "hold", atMost: 1 },
    { action: "hold", atMost: 1, filter: {}, keys: ["x"] },
    { action: "destroy", atMost: 1, filter: {} },
    { action: "hold", atMost: 1, filter: { colour: "blue" } },
  ])
    assert.equal((await api.post("/queue/orders", body)).status, 400);
  assert.equal((await api.get("/queue/jobs?limit=100000")).status, 400);
  assert.equal((await api.get("/queue/jobs?state=blue")).status, 400);
  assert.equal((await api.get("/queue/jobs?state=held&state=ready")).status, 400);
  assert.equal((await api.get("/nothing")).status, 404);
  assert.equal((await api.post("/overview", {})).status, 405);
  assert.equal((await api.post("/dry-run", {}, { "content-type": "text/plain" })).status, 415);
  assert.equal((await api.post("/dry-run", { recipient: "x".repeat(300_000) })).status, 413);
});

test("the header of a message that is queued is shown to operators", async () => {
  const id = await deferred("header@away.example");
  const { body } = await api.get<{ header: string }>(`/messages/${id}/header`);
  assert.match(body.header, /^Received: .*\r\n/s);
  assert.ok(!body.header.includes("\r\n\r\n"));
});

test("a dry run tells where a message would go and why, and sends nothing", async () => {
  interface Run {
    readonly accepted: boolean;
    readonly why: readonly string[];
    readonly ways: readonly {
      readonly kind: string;
      readonly why: readonly string[];
      readonly hops?: object[];
    }[];
  }
  const run = async (body: object) => (await api.post<Run>("/dry-run", body)).body;
  const alias = await run({ recipient: "all@home.example" });
  assert.deepEqual(
    alias.ways.map(({ kind }) => kind),
    ["local", "smtp"],
  );
  const far = await run({ recipient: "x@away.example", client: "127.0.0.1" });
  assert.match(JSON.stringify(far.ways), /mx\.away\.example/);
  assert.match(far.why.join(" "), /default\/default lists the client/);
  assert.equal((await run({ recipient: "x@away.example", client: "192.0.2.9" })).accepted, false);
  assert.equal((await run({ recipient: "nobody@home.example" })).accepted, false);
  const none = await run({ recipient: "x@nowhere.example", client: "127.0.0.1" });
  assert.equal(none.ways[0]?.kind, "failed");
});

test("domains show what the DNS says, mailboxes how full they are", async () => {
  interface Health {
    readonly state: string;
    readonly records: readonly { readonly purpose: string; readonly state: string }[];
  }
  const { body } = await api.get<Health>("/domains/HOME.example");
  const states = Object.fromEntries(body.records.map(({ purpose, state }) => [purpose, state]));
  assert.deepEqual(
    [body.state, states["mx"], states["spf"], states["dmarc"]],
    ["lacking", "Ok", "Ok", "Missing"],
  );
  assert.equal((await api.get("/domains/other.example")).status, 404);
  await world.submit({ to: "alice@home.example", from });
  interface Boxes {
    readonly matching: number;
    readonly mailboxes: readonly {
      readonly address: string;
      readonly messages: number;
      readonly quota: object;
    }[];
  }
  const box = await until("it is filed", async () => {
    const found = (await api.get<Boxes>("/mailboxes?match=alice@*")).body.mailboxes[0];
    return found && found.messages > 0 ? found : undefined;
  });
  assert.deepEqual(box.quota, { bytes: 10 << 20 });
  const page = await api.get<Boxes>("/mailboxes?limit=1&after=alice@home.example");
  assert.deepEqual([page.body.matching, page.body.mailboxes[0]?.address], [2, "sender@home.example"]);
});

test("the overview tells of backlog, rates and troubles, once and as a stream", async () => {
  interface Overview {
    readonly total: { readonly jobs: number };
    readonly troubles: readonly { readonly reply: string; readonly count: number }[];
  }
  const trouble = await until("what fails is told", async () => {
    const { body } = await api.get<Overview>("/overview");
    return body.total.jobs > 0 ? body.troubles.find(({ reply }) => reply.includes("never")) : undefined;
  });
  assert.ok(trouble.count >= 1);
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${api.token}` };
  const stream = await fetchAnew(`${api.base}/live`, { headers, signal: stop.signal });
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  let text = "";
  for await (const piece of stream.body ?? assert.fail()) {
    text += Buffer.from(piece).toString();
    if (text.split("\n\n").length > 2) break;
  }
  for (const event of text.split("\n\n").slice(0, 2)) assert.match(event, /^data: \{"at":\d+/);
  stop.abort();
  await api.get("/sites");
});

test("what answers says that nobody may keep it, frame it or guess at it", async () => {
  const { headers } = await api.get("/overview");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assert.equal(headers.get("access-control-allow-origin"), null);
  assert.equal(headers.get("set-cookie"), null);
});

test("who guesses tokens is told to wait; sessions go on", async () => {
  const { body } = await api.post<{ session: string }>("/session", { token: api.token });
  const statuses = new Set<number>();
  for (let n = 0; n < 12; n++) statuses.add((await api.post("/session", { token: `guess ${n}` })).status);
  assert.deepEqual([...statuses].sort(), [401, 429]);
  assert.equal((await api.get("/overview", { authorization: `Bearer ${body.session}` })).status, 200);
});
