/**
 * Schemathesis against the API of a real daemon: it reads the OpenAPI document, asks what the document allows and what it
 * forbids, and holds every answer against it. `scripts/mail-programs` installs it where that can be done.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { apiOf } from "../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy, manifest } from "../harness/manifest.ts";
import { startPostfleet } from "../harness/postfleet.ts";
import { find, run } from "../harness/programs.ts";

const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
const program = find("schemathesis") ?? find("schemathesis", [join(cache, "postfleet/schemathesis/bin")]);

test("no answer is other than the API's document says, whatever is asked", {
  skip: program === undefined && "schemathesis not installed",
}, async (t) => {
  await using fleet = await startPostfleet({
    resources: manifest(
      aDomain("home.example"),
      aMailbox("alice@home.example"),
      aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
    ),
    args: ["--dns", "127.0.0.1:9"], // nobody answers there: the world is not asked
  });
  const api = await apiOf(fleet);
  const { body } = await api.post<{ readonly session: string }>("/session", { token: api.token });
  const folder = await mkdtemp(join(tmpdir(), "schemathesis-"));
  const args = [
    ...["run", `${api.base}/openapi.json`, "--seed", "1", "--max-examples", "10", "--request-timeout", "120"],
    ...["--header", `Authorization: Bearer ${body.session}`],
    ...["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"],
    // Wrong tokens are told 429 after ten of them; `daemon/api.test.ts` shows that.
    ...["--exclude-checks", "ignored_auth"],
    // A stream does not end by itself, and logging in is refused after ten wrong tokens, as it should be.
    ...["--exclude-path", "/api/v1/live", "--exclude-path", "/api/v1/session/oidc"],
  ];
  try {
    const { stdout } = await run(program as string, args, { cwd: folder, maxBuffer: 32 << 20 });
    t.diagnostic(/(\d+ generated, .*)/.exec(stdout)?.[1] ?? "");
  } catch (error) {
    assert.fail((error as { readonly stdout?: string }).stdout ?? String(error));
  } finally {
    await rm(folder, { recursive: true });
  }
  assert.doesNotMatch(fleet.log, /could not be answered/);
});
