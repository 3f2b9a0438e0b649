/**
 * `kubectl postfleet` against the cluster, as long as the examples are in namespace `default`.
 *
 * In:     everything is installed, the examples are ready, the sink pod takes mail for sink.test.
 */
import assert from "node:assert/strict";
import { until } from "../../harness/until.ts";
import { commandsIn, follow } from "../harness/guide.ts";
import { host, submissionPort } from "../harness/installation.ts";
import { known, kubectl } from "../harness/kube.ts";
import { queuedAs, submit } from "../harness/mail.ts";
import { plugin, reported, secretTexts } from "../harness/plugin.ts";
import { takenBySinkPod } from "../harness/sink-pod.ts";
import { step } from "../harness/step.ts";
import { serveZone } from "../harness/zones.ts";

const alice = { user: "alice@example.test", password: "correct-horse-battery" };
const inDefault = ["-n", "default"];
/** Less than the schedule's own next look. */
const promptMs = 20_000;

export function pluginSteps(): void {
  step("kubectl postfleet status: domains, policies and pods at a glance, and what is missing", async () => {
    const complaints = (text: string) => text.split("Not as it should be:\n")[1]?.trim().split("\n") ?? [];
    const all = await until("nothing but DNS to be missing", async () => {
      const said = await plugin("status", "-A");
      const wrong = complaints(said.text);
      return wrong.length > 0 && wrong.every((line) => line.includes("kubectl postfleet dns"))
        ? said
        : undefined;
    });
    assert.equal(all.code, 1, "DNS knows none of the domains");
    assert.match(all.text, /^example\.test +default\/example +True +\d+\/\d+ +False /m);
    assert.match(all.text, /^default\/by-provider +True +1 +\S+ +\S+ +smtp\.provider\.example /m);
    assert.match(all.text, /^postfleet-system\/postfleet-gateway-\S+ +gateway +True +\d+ /m);
    const one = await plugin("status", "example.test", ...inDefault);
    assert.equal(one.code, 0, one.text);
    assert.match(one.text, /^Imaps +mx\.home\.test:993 /m);
    assert.match(one.text, /^alice@example\.test +True /m);
    assert.match(one.text, /^DNS Missing: example\.test MX should be 10 mx\.home\.test$/m);
    const none = await plugin("status", "nowhere.test", ...inDefault);
    assert.equal(none.code, 1);
    assert.match(none.text, /no MailDomain is nowhere\.test here \(there are: .*example\.test/);
  });

  step("kubectl postfleet dns: its zone file, put into DNS as it is, verifies the domain", async () => {
    const before = await plugin("dns", "example.test", ...inDefault);
    assert.equal(before.code, 1);
    assert.match(before.text, /^Missing +example\.test MX\n {2}10 mx\.home\.test$/m);
    const records = await until("the keys to be in the zone", async () => {
      const { text } = await plugin("dns", "example.test", "--zone", ...inDefault);
      return text.split("_domainkey.example.test.").length > 2 ? text : undefined;
    });
    await serveZone("example.test", records);
    const askAgain = async () => {
      const now = `mail.postfleet.dev/check-dns=${Date.now()}`;
      await kubectl("annotate", "--overwrite", "md", "example", ...inDefault, now);
    };
    await askAgain();
    const verified = ["--for", "condition=DNSVerified", "--timeout", `${promptMs}ms`];
    await kubectl("wait", "md/example", ...inDefault, ...verified);
    const all = await until("every record, also those that are only good to have, to be found", async () => {
      const after = await plugin("dns", "example.test", ...inDefault, "--json");
      assert.equal(after.code, 0, after.text);
      const states = (JSON.parse(after.text) as { state: string }[]).map(({ state }) => state);
      if (states.every((state) => state === "Ok")) return states;
      await askAgain(); // a question that the leaving DNS pod took along is asked again only after a minute
      return undefined;
    });
    assert.ok(all.length >= 10, `${all.length} records`);
    await follow(await commandsIn("install", "A first domain"));
  });

  step("kubectl postfleet suspend, queue, trace and resume steer what leaves", async () => {
    assert.match(
      (await plugin("suspend", "default", ...inDefault)).text,
      /RelayPolicy default is suspended: mail is accepted/,
    );
    await known("rp", "default", "default");
    const to = ["--to", "someone@sink.test", "--header", "X-Road: by-plugin"];
    const id = queuedAs(await submit(`${host}:${submissionPort}`, alice, ...to));
    const held = await until("the message in the queue", async () => {
      const { text } = await plugin("queue", "list", "--filter", `message=${id}`);
      return text.includes(id) ? text : undefined;
    });
    assert.match(held, /\tpaused\t.*\t<alice@example\.test>\tsomeone@sink\.test\t/);
    assert.match((await plugin("queue", "show", id)).text, /^recipient +<someone@sink\.test>$/m);
    assert.notEqual((await plugin("queue", "show", "no-such-id")).code, 0);
    assert.equal(await takenBySinkPod("X-Road: by-plugin"), undefined);
    assert.match(
      (await plugin("resume", "default", ...inDefault)).text,
      /RelayPolicy default delivers again/,
    );
    await until("the mail at the sink pod", () => takenBySinkPod("X-Road: by-plugin"), 90_000);
    const steps = await until("its trace", async () => {
      const { text } = await plugin("trace", id);
      return / delivered /.test(text) ? text : undefined;
    });
    assert.match(steps, /^\S+ accepted .*<alice@example\.test> to <someone@sink\.test>/m);
    assert.match(steps, /^\S+ delivered .*mx\.sink\.test/m);
    assert.equal((await plugin("mailbox", "list")).code, 0);
  });
}

/** When there has been something to tell: pods that were killed, mail under way. */
export function reportStep(): void {
  step(
    "kubectl postfleet report: all that a maintainer needs, no secret of the cluster, no address",
    async (t) => {
      const files = await reported();
      t.diagnostic(`${files.size} files`);
      for (const name of ["status.txt", "maildomains.json", "pods.json", "version.txt", "events/load.txt"])
        assert.ok(files.has(name), `${name} in ${[...files.keys()]}`);
      assert.ok(
        [...files.keys()].some((name) => /^logs\/.*-before\.txt$/.test(name)),
        "logs of a life before",
      );
      assert.equal(files.get("problems.txt"), undefined, "everything could be read");
      const secrets = await secretTexts();
      assert.ok(secrets.has(alice.password));
      const whole = [...files.values()].join("\n");
      const told = [...secrets].filter(([text]) => whole.includes(text)).map(([, where]) => where);
      assert.deepEqual(told, []);
      assert.doesNotMatch(whole, /alice@|sender@home/);
    },
  );
}
