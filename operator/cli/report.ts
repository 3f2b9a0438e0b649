/**
 * `kubectl postfleet report`: what a maintainer needs to understand a fault, and nothing that they should not see.
 *
 * In:     what `kubectl` may read with the user's rights. Secrets are never asked for.
 * Out:    a folder of text files, and a `.tar.gz` of it when `tar` is there. What could not be read is told in `problems.txt`.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { KubeObject } from "../kube/object.ts";
import { getAll, type Kubectl, PluginError, sentenceOf } from "./kubectl.ts";
import { leanObject, type Redact, redactor } from "./redact.ts";
import { overview, type World } from "./status.ts";

const selector = ["-l", "app.kubernetes.io/name=postfleet"];
const everywhere = ["--all-namespaces"];
/** File in the bundle ← arguments of `kubectl get`. */
const objects: Readonly<Record<string, readonly string[]>> = {
  maildomains: ["maildomains.mail.postfleet.dev", ...everywhere],
  mailboxes: ["mailboxes.mail.postfleet.dev", ...everywhere],
  relaypolicies: ["relaypolicies.mail.postfleet.dev", ...everywhere],
  workloads: ["deployments,statefulsets,replicasets,horizontalpodautoscalers", ...everywhere, ...selector],
  pods: ["pods", ...everywhere, ...selector],
  network: ["services,endpointslices,networkpolicies,poddisruptionbudgets", ...everywhere, ...selector],
  volumes: ["persistentvolumeclaims", ...everywhere, ...selector],
  nodes: ["nodes"],
};
const logLines = 2_000;
const eventsOfPods = 500;

export interface Report {
  /** The bundle's path. */
  readonly path: string;
  readonly files: number;
  readonly problems: readonly string[];
}

export async function makeReport(
  kubectl: Kubectl,
  output: string,
  now: number,
  signal: AbortSignal,
): Promise<Report> {
  const redact = redactor(randomBytes(32));
  const name = basename(output).replace(/\.(tar\.gz|tgz)$/, "");
  const scratch = await mkdtemp(join(tmpdir(), "postfleet-report-"));
  try {
    const bundle = new Bundle(join(scratch, name), redact);
    await bundle.open();
    await collect(kubectl, bundle, now, signal);
    await bundle.write("problems.txt", bundle.problems.join("\n"));
    pack(scratch, name, output);
    return { path: output, files: bundle.files, problems: bundle.problems };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

class Bundle {
  readonly #folder: string;
  readonly #redact: Redact;
  readonly problems: string[] = [];
  files = 0;

  constructor(folder: string, redact: Redact) {
    this.#folder = folder;
    this.#redact = redact;
  }

  open(): Promise<unknown> {
    return mkdir(this.#folder, { recursive: true });
  }

  /** Everything that is written passes here, and so the redactor. */
  async write(file: string, text: string): Promise<void> {
    if (text === "") return;
    this.files++;
    const path = join(this.#folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${this.#redact(text)}\n`);
  }
}

async function collect(kubectl: Kubectl, bundle: Bundle, now: number, signal: AbortSignal): Promise<void> {
  const found = new Map<string, readonly KubeObject[]>();
  for (const [file, args] of Object.entries(objects)) {
    const list = await getAll(kubectl, args, signal).catch((error: Error) => {
      bundle.problems.push(`${file}: ${error.message}`);
      return [];
    });
    found.set(file, list);
    await bundle.write(`${file}.json`, JSON.stringify(list.map(leanObject), null, 2));
  }
  const of = (file: string) => (found.get(file) ?? []) as readonly never[];
  const world: World = {
    domains: of("maildomains"),
    mailboxes: of("mailboxes"),
    policies: of("relaypolicies"),
    pods: of("pods"),
  };
  await bundle.write("status.txt", overview(world, now).text);
  await text(kubectl, bundle, "version.txt", ["version"], signal);
  await events(kubectl, bundle, world, signal);
  for (const pod of world.pods) await logs(kubectl, bundle, pod, signal);
}

async function text(
  kubectl: Kubectl,
  bundle: Bundle,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const answer = await kubectl.run(args, signal);
  if (answer.code === 0) await bundle.write(file, answer.out.trimEnd());
  else bundle.problems.push(`${file}: ${sentenceOf(answer)}`);
}

async function events(kubectl: Kubectl, bundle: Bundle, world: World, signal: AbortSignal): Promise<void> {
  const all = [...world.domains, ...world.policies, ...world.mailboxes, ...world.pods];
  for (const namespace of new Set(all.map(({ metadata }) => metadata.namespace ?? "default"))) {
    const args = [
      "get",
      "events",
      "--namespace",
      namespace,
      "--sort-by=.lastTimestamp",
      `--chunk-size=${eventsOfPods}`,
    ];
    await text(kubectl, bundle, `events/${namespace}.txt`, args, signal);
  }
}

/** Also of the life before, when a container was started again: that is mostly the one that tells. */
async function logs(
  kubectl: Kubectl,
  bundle: Bundle,
  pod: World["pods"][number],
  signal: AbortSignal,
): Promise<void> {
  const { namespace = "default", name } = pod.metadata;
  const args = ["logs", name, "--namespace", namespace, "--all-containers", "--prefix", `--tail=${logLines}`];
  await text(kubectl, bundle, `logs/${namespace}-${name}.txt`, args, signal);
  const again = pod.status?.containerStatuses?.some(({ restartCount }) => restartCount > 0);
  if (again)
    await text(kubectl, bundle, `logs/${namespace}-${name}-before.txt`, [...args, "--previous"], signal);
}

function pack(scratch: string, name: string, output: string): void {
  const { status, error, stderr } = spawnSync("tar", ["-czf", output, "-C", scratch, name], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new PluginError(`tar could not write ${output}: ${error?.message ?? stderr.trim()}`);
}
