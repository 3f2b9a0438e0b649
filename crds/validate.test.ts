import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { formatProblem } from "./problem.ts";
import { apiVersion, kinds } from "./schema.ts";
import { readSources } from "./sources.ts";
import { validate } from "./validate.ts";

const check = async (...texts: string[]) => validate(texts.map((text, i) => ({ file: `${i}.yaml`, text })));
const told = async (...texts: string[]) => (await check(...texts)).problems.map(formatProblem);

const domain = `{apiVersion: ${apiVersion}, kind: MailDomain, metadata: {name: d}, spec: {domain: a.test}}`;
const mailbox = (spec: string, name = "m") =>
  `{apiVersion: ${apiVersion}, kind: Mailbox, metadata: {name: ${name}}, spec: {address: m@a.test, ${spec}}}`;
const secret = (rest: string) => `{apiVersion: v1, kind: Secret, metadata: {name: s}, ${rest}}`;

test("resources come out with defaults, in the order of the files", async () => {
  const { resources, secrets, problems } = await check(`${domain}\n---\n${mailbox("")}`, secret("data: {}"));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    resources.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
    ["MailDomain default/d", "Mailbox default/m"],
  );
  assert.partialDeepStrictEqual(resources[1]?.spec, {
    address: "m@a.test",
    appPasswords: [],
    aliases: [],
    forwardTo: [],
    keepCopy: true,
    sentCopy: false,
    suspended: false,
    deletionPolicy: "Retain",
  });
  assert.equal(secrets.length, 1);
});

test("a podTemplate passes on what belongs to a Pod, and refuses what we name ourselves", async () => {
  const policy = (podTemplate: string) =>
    `{apiVersion: ${apiVersion}, kind: RelayPolicy, metadata: {name: p}, spec: {podTemplate: ${podTemplate}}}`;
  const whole = `{labels: {a: b}, resources: {requests: {cpu: 1, memory: 1Gi}}, affinity: {podAffinity: {any: [1]}},
    sidecars: [{name: x, image: proxy:1, args: [z]}], env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}`;
  assert.deepEqual(await told(policy(whole)), []);
  const [misspelt] = await told(policy("{toleration: []}"));
  assert.match(misspelt ?? "", /spec\.podTemplate\.toleration: is unknown; did you mean tolerations\?/);
  const [number] = await told(policy("{annotations: {a: 1}}"));
  assert.match(number ?? "", /spec\.podTemplate\.annotations\.a: must be text, not 1; put it in quotes/);
});

test("a webhook's secret must be there and fit, and its url must be one", async () => {
  const policy = (url: string) =>
    `{apiVersion: ${apiVersion}, kind: RelayPolicy, metadata: {name: p}, spec: {webhooks: [{name: crm, url: "${url}", secretRef: {name: s}}]}}`;
  const good = "https://hooks.example/x";
  const signs = secret(`stringData: {secret: ${"x".repeat(24)}}`);
  assert.deepEqual(await told(policy(good), signs), []);
  const faults: readonly (readonly [string, string, RegExp])[] = [
    [good, "", /webhooks\[0\]\.secretRef\.name: there is no Secret s/],
    [
      good,
      secret("stringData: {other: x}"),
      /secretRef\.key: Secret s has no key secret \(its keys: other\)/,
    ],
    [
      good,
      secret("stringData: {secret: short}"),
      /secretRef: key secret of Secret s holds a secret that is too short/,
    ],
    ["https://[::1", signs, /webhooks\[0\]\.url: https:.* is no URL/],
    ["ftp://hooks.example/", signs, /webhooks\[0\]\.url: url must begin with https/],
  ];
  for (const [url, beside, fault] of faults)
    assert.match((await told(policy(url), ...(beside === "" ? [] : [beside])))[0] ?? "", fault);
});

test("a filter's password must be there and fit, for either direction; so must its authorities", async () => {
  const screened = (where: string, rspamd: string) =>
    domain.replace("domain: a.test", `domain: a.test, ${where}: {filters: [{name: f, rspamd: {${rspamd}}}]}`);
  const asks = "url: 'http://r:11334', passwordSecretRef: {name: s}";
  const good = secret("stringData: {password: correct-horse}");
  const bad = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";
  for (const where of ["inbound", "outbound"]) {
    assert.deepEqual(await told(screened(where, asks), good), []);
    const at = `spec\\.${where}\\.filters\\[0\\]\\.rspamd`;
    const faults: readonly (readonly [string, string, string])[] = [
      [
        asks,
        domain.replace("a.test", "b.test").replace("name: d", "name: e"),
        "\\.passwordSecretRef\\.name: there is no Secret s",
      ],
      [asks, secret("stringData: {other: x}"), "\\.passwordSecretRef\\.key: Secret s has no key password"],
      [
        asks,
        secret('stringData: {password: "a\\nb"}'),
        "\\.passwordSecretRef: key password of Secret s holds a line end",
      ],
      [`url: 'https://r', caBundle: "${bad}"`, good, "\\.caBundle: certificate 1 cannot be read"],
    ];
    for (const [rspamd, beside, fault] of faults)
      assert.match((await told(screened(where, rspamd), beside)).join("\n"), new RegExp(`${at}${fault}`));
  }
});

test("references reach across files", async () => {
  assert.deepEqual(
    await told(mailbox("passwordSecretRef: {name: s}"), domain, secret("stringData: {password: x}")),
    [],
  );
});

const secrets = [
  ["plain text", "stringData: {password: pw}", "pw"],
  ["base64", "data: {password: cHc=}", "pw"],
  ["base64 of a file with a line end", "data: {password: cHcK}", "pw"],
  ["base64 on several lines", 'data: {password: "c\\nHc="}', "pw"],
  ["both: plain text wins", "data: {password: eA==}, stringData: {password: pw}", "pw"],
  ["letters of all kinds", "data: {password: w6TigqzwnZWP}", "\u00e4\u20ac\ud835\udd4f"],
  ["leading and trailing blanks", 'stringData: {password: " pw "}', " pw "],
] as const;

for (const [name, rest, want] of secrets) {
  test(`a Secret with ${name}`, async () => {
    const { secrets: found, problems } = await check(secret(rest));
    assert.deepEqual(problems, []);
    assert.equal(found[0]?.data.get("password"), want);
  });
}

test("a change is judged by what was there before, by namespace and name", async () => {
  const { resources } = await check(domain);
  const renamed = domain.replace("a.test", "b.test");
  const after = await validate([{ file: "x", text: renamed }], resources);
  assert.match(after.problems.map(formatProblem).join(), /domain cannot be changed/);
  const other = renamed.replace("name: d", "name: other");
  assert.deepEqual((await validate([{ file: "x", text: other }], resources)).problems, []);
});

test("one mistake is one problem, whatever hangs on it", async () => {
  const broken = domain.replace("spec: {", "spec: {recipients: 5, ");
  const [only, ...others] = await told(`${broken}\n---\n${mailbox("aliases: [n@a.test]")}`);
  const words =
    "0.yaml:1: MailDomain default/d: spec.recipients: is unknown; the fields here are domain, aliases,";
  assert.ok(only?.startsWith(words), only);
  assert.deepEqual(others, []);
  const policy = `{apiVersion: ${apiVersion}, kind: RelayPolicy, metadata: {name: bulk}, spec: {paused: 1}}`;
  const using = domain.replace("spec: {", "spec: {relayPolicyRef: {name: bulk}, ");
  assert.equal((await told(policy, using)).length, 1);
});

/** Documents that are nearly right: the shape of a resource with anything in its places. */
const nearly = fc
  .record({
    kind: fc.constantFrom(...kinds, "Secret", "Namespace", "Odd"),
    metadata: fc.oneof(fc.constant({ name: "x" }), fc.jsonValue()),
    spec: fc.oneof(
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom(
          "domain",
          "address",
          "aliases",
          "delivery",
          "limits",
          "route",
          "retry",
          "acceptFrom",
          "forwardTo",
        ),
        fc.oneof(
          fc.jsonValue(),
          fc.constantFrom("a.test", "m@a.test", ["m@a.test"], {}, { mx: {} }, { cidrs: ["::/0"] }),
        ),
      ),
    ),
  })
  .map(({ kind, ...rest }) => ({ apiVersion: kind === "Secret" ? "v1" : apiVersion, kind, ...rest }));

test("no document makes the check fail: it ends with resources that fit, or problems with a place", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(nearly, { minLength: 1, maxLength: 4 }), async (documents) => {
      const text = documents.map((one) => JSON.stringify(one, null, 1)).join("\n---\n");
      const { resources, problems } = await check(text);
      const lines = text.split("\n").length;
      for (const { line, message } of problems) {
        assert.ok(line >= 1 && line <= lines);
        assert.ok(message.length > 10 && !message.endsWith("."), message);
      }
      const ours = documents.filter(({ kind }) => kinds.some((known) => known === kind));
      if (problems.length === 0) assert.equal(resources.length, ours.length);
    }),
    { numRuns: 300 },
  );
});

test("a folder gives its YAML and JSON files, sorted; not hidden ones, not folders", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-sources-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const name of ["b.yml", "a.yaml", "c.JSON", "notes.md", ".hidden.yaml"])
    await writeFile(join(dir, name), name);
  await mkdir(join(dir, "folder.yaml"));
  await symlink("a.yaml", join(dir, "link.yaml"));
  const { sources, problems } = await readSources([dir, join(dir, "a.yaml")]);
  assert.deepEqual(
    sources.map(({ file, text }) => [file.slice(dir.length + 1), text]),
    [
      ["a.yaml", "a.yaml"],
      ["b.yml", "b.yml"],
      ["c.JSON", "c.JSON"],
      ["link.yaml", "a.yaml"],
    ],
  );
  assert.deepEqual(problems, []);
});

test("a link to nowhere is a problem of its folder", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-sources-"));
  t.after(() => rm(dir, { recursive: true }));
  await symlink("nowhere", join(dir, "link.yaml"));
  const { problems } = await readSources([dir]);
  assert.match(problems.map(formatProblem).join(), /cannot be read: there is no such file/);
});
