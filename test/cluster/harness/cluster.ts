/**
 * The cluster of the suite: built when programs are missing, started, and taken down whatever happened.
 *
 * In:     root, and what `test/cluster/kube/README.md` asks for. `POSTFLEET_KEEP_CLUSTER=1` leaves it up; one that runs
 *         already is used as it is and left alone.
 * Out:    functions to load images, and `report`: everything that helps to understand a failure, in one file.
 */
import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builder, makeImage } from "./image.ts";
import { recordedVersions } from "./schemas.ts";
import { bin, script, state, tool } from "./tools.ts";

const programs = ["kubelet", "kube-apiserver", "kube-proxy", "coredns", "nats-server", "helm", "kubeconform"];

export interface TestCluster extends AsyncDisposable {
  /** Builds our image under this name, and puts it on the node. */
  buildImage(name: string): Promise<void>;
  /** The same image under another name. */
  tagImage(from: string, to: string): Promise<void>;
}

export async function openCluster(): Promise<TestCluster> {
  if (process.getuid?.() !== 0)
    throw new Error("the cluster suite needs root: it starts a kubelet and containers");
  await programsBuilt();
  await swaks();
  const ours = !existsSync(join(state, "ready"));
  await tool([script, "up"]);
  const images = await prepareImages();
  return {
    ...images,
    async [Symbol.asyncDispose]() {
      if (ours && process.env["POSTFLEET_KEEP_CLUSTER"] !== "1") await tool([script, "down"]);
    },
  };
}

/** Compiles what is missing. */
export async function programsBuilt(): Promise<void> {
  const missing = programs.filter((name) => !existsSync(join(bin, name)));
  if (missing.length > 0) {
    process.stderr.write(`building ${missing.join(", ")}: up to 20 minutes, once\n`);
    await tool([script, "build"], { show: true });
  } else if (recordedVersions().length === 0) {
    await tool([script, "build"]).catch(() => {}); // a download only: who has no network does without
  }
}

/** A mail client of others, with what it needs for TLS. */
async function swaks(): Promise<void> {
  const works = () =>
    tool(["sh", "-c", "swaks --version >/dev/null && perl -MNet::SSLeay -e 1"]).then(
      () => true,
      () => false,
    );
  if (await works()) return;
  const apt = { env: { DEBIAN_FRONTEND: "noninteractive" } };
  await tool(["apt-get", "update", "-qq"], apt);
  await tool(
    ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "swaks", "libnet-ssleay-perl"],
    apt,
  );
}

async function prepareImages(): Promise<Omit<TestCluster, keyof AsyncDisposable>> {
  await tool([script, "image", "base"]);
  await tool([script, "image", "nats"]);
  await tool([script, "load", "nats:2.15.2"]);
  return {
    async buildImage(name) {
      await makeImage(name);
      await tool([script, "load", name]);
    },
    async tagImage(from, to) {
      await tool(["buildah", "tag", from, to], { env: builder });
      await tool([script, "load", to]);
    },
  };
}

const views = [
  ["get", "all,md,mbx,rp,pvc,secrets,jobs", "--all-namespaces", "-o", "wide"],
  ["get", "md,mbx,rp", "--all-namespaces", "-o", "yaml"],
  ["get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"],
] as const;

/** Writes down how everything is now; returns the file. */
export async function report(why: string): Promise<string> {
  const file = join(tmpdir(), `postfleet-cluster-${process.pid}.log`);
  const add = async (title: string, command: readonly string[]) => {
    const text = await tool(command).catch((error: Error) => error.message);
    await appendFile(file, `\n═══ ${title}\n${text}\n`);
  };
  await appendFile(file, `═══ ${new Date().toISOString()} ${why}\n`);
  for (const view of views) await add(view.join(" "), ["kubectl", ...view]);
  const pods = await tool([
    "kubectl",
    "get",
    "pods",
    "-A",
    "-o",
    "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}",
  ]).catch(() => "");
  for (const line of pods.split("\n").filter((each) => each !== "" && !each.startsWith("kube-system "))) {
    const [namespace = "", name = ""] = line.split(" ");
    const logs = ["kubectl", "logs", "-n", namespace, name, "--all-containers", "--prefix", "--tail", "400"];
    await add(`log of ${namespace}/${name}`, logs);
    await add(`log of ${namespace}/${name} before`, [...logs, "--previous"]);
  }
  return file;
}
