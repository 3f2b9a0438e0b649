/**
 * The chart as it is rendered, by Helm 4 and Helm 3: golden files of seven value sets, what a schema or a sentence must
 * refuse, and every object accepted by a real API server and by the schemas of other versions of Kubernetes.
 *
 * Helm 3 and those schemas are used where they are: `test/cluster/kube/cluster build helm3`, and `build`.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { defaultInstallation } from "../harness/default-installation.ts";
import { startKubeApi } from "../harness/kube-api.ts";
import { root } from "../harness/source.ts";
import { programsBuilt } from "./harness/cluster.ts";
import { openApiSchemas, recordedSchemas, recordedVersions } from "./harness/schemas.ts";
import { bin, chart, ToolFailed, tool } from "./harness/tools.ts";

interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: Record<string, unknown>;
}

const sets = ["default", "small", "walls", "external", "exposed", "watched", "console"] as const;
const golden = (name: string) => join(root, "test/golden/chart", name);
const release = ["postfleet", chart, "--namespace", "postfleet-system"];

/** The one thing that is meant to be another each time. */
const withoutChance = (text: string) => text.replace(/^( {2}password: ).*$/gm, "$1…");

const helms = ["helm", "helm3"] as const;
/** A Helm 3 that was built from source takes every cluster for an old one. */
const asVersion = (program: string) => (program === "helm3" ? ["--kube-version", "1.37.0"] : []);
const missing = (program: string) =>
  existsSync(join(bin, program)) ? false : `test/cluster/kube/cluster build ${program} makes it`;

const renderBy = async (program: string, ...args: readonly string[]): Promise<string> =>
  withoutChance(await tool([program, "template", ...release, ...asVersion(program), ...args]));
const render = (...args: readonly string[]): Promise<string> => renderBy("helm", ...args);

const objectsOf = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);

await programsBuilt();

describe("renderings", () => {
  for (const program of helms)
    for (const name of sets)
      test(`of ${name} by ${program} are as recorded`, { skip: missing(program) }, async () => {
        const values = golden(`${name}.values.yaml`);
        const text = await renderBy(program, "--values", values, "--set", "crds.install=false");
        if (process.env["UPDATE_GOLDEN"] && program === "helm") await writeFile(golden(`${name}.yaml`), text);
        const recorded = await readFile(golden(`${name}.yaml`), "utf8");
        // Helm 3 leaves other empty lines; the objects are the same.
        if (program === "helm3") assert.deepEqual(objectsOf(text), objectsOf(recorded));
        else assert.equal(text, recorded);
        await tool([program, "lint", chart, "--strict", "--values", values, ...asVersion(program)]);
      });

  test("new resources get the finalizer as they are made, where that is wanted and the API server can do it", async () => {
    const only = ["--show-only", "templates/operator/finalizers.yaml"];
    const wanted = ["--set", "operator.finalizersOnCreate=true"];
    const served = ["--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"];
    const text = await render(...only, ...wanted, ...served);
    if (process.env["UPDATE_GOLDEN"]) await writeFile(golden("finalizers.yaml"), text);
    assert.equal(text, await readFile(golden("finalizers.yaml"), "utf8"));
    for (const without of [served, wanted, [...wanted, ...served, "--set", "watchNamespaces={a}"]])
      assert.doesNotMatch(await render(...without), /MutatingAdmissionPolicy$/m);
  });

  test("CRDs are the ones of crds/, kept when the chart goes unless told otherwise", async () => {
    const kept = objectsOf(await render("--show-only", "templates/crds.yaml"));
    assert.deepEqual(kept.map(({ metadata }) => metadata.name).sort(), [
      "mailboxes.mail.postfleet.dev",
      "maildomains.mail.postfleet.dev",
      "relaypolicies.mail.postfleet.dev",
    ]);
    for (const { metadata, spec } of kept) {
      assert.equal(metadata.annotations?.["helm.sh/resource-policy"], "keep");
      const file = spec?.["names"] as { singular: string };
      const source = parse(await readFile(join(root, "crds", `${file.singular}.yaml`), "utf8"), {
        merge: true,
      });
      assert.deepEqual(spec, source.spec);
    }
    const gone = objectsOf(await render("--show-only", "templates/crds.yaml", "--set", "crds.keep=false"));
    assert.deepEqual(
      gone.map(({ metadata }) => metadata.annotations),
      [undefined, undefined, undefined],
    );
  });
});

describe("mistakes are told before anything is installed", () => {
  const mistakes = [
    { set: "nats.replicas=2", says: /nats\/replicas|nats\.replicas/ },
    { set: "placement=shared", says: /placement/ },
    { set: "image.tga=x", says: /tga/ },
    { set: "nats.storage.size=20 GB", says: /size/ },
    { set: "nats.storage.size=1000Mi", says: /nats\.storage\.size: give at least 1Gi/ },
    { set: "nats.mode=External", says: /nats\.external\.urls: name at least one server/ },
    { set: "services.smtp.type=Loadbalancer", says: /type/ },
    { set: "console.enabled=true", says: /console\.tokenSecret: name a Secret/ },
    {
      set: "console.enabled=true,console.oidc.issuer=https://login.example.org",
      says: /console\.oidc\.redirect: give the address/,
    },
    { set: "watchNamespaces={Tenant_A}", says: /watchNamespaces/ },
  ];
  for (const { set, says } of mistakes)
    test(set, async () => {
      await assert.rejects(render("--set", set), (error: unknown) => {
        assert.ok(error instanceof ToolFailed);
        assert.match(error.stderr, says);
        return true;
      });
    });
});

describe("what is rendered", () => {
  const rendered = new Map<string, KubeObject[]>();
  before(async () => {
    for (const name of sets) rendered.set(name, objectsOf(await readFile(golden(`${name}.yaml`), "utf8")));
  });

  test("is accepted by the API server, field by field", async () => {
    await using api = await startKubeApi();
    await api.installCrds();
    const objects = [...rendered.values()].flat();
    const namespaces = new Set(
      objects.map(({ metadata }) => metadata.namespace).filter((name) => name !== undefined),
    );
    const env = { KUBECONFIG: api.kubeconfig };
    for (const name of namespaces) {
      await tool(["kubectl", "create", "namespace", name], { env });
      await api.serviceAccount(name, "default"); // nobody makes it here
    }
    const input = manifest(objects.filter(isKubernetes));
    await tool(["kubectl", "apply", ...asSuch, "-f", "-"], { env, input });
    // The same, from the schemas alone, as `kubeconform` in a pipeline would.
    await using schemas = await openApiSchemas(api.kubeconfig);
    await conforms(input, schemas.location);
  });

  const older = { skip: recordedVersions().length > 0 ? false : "cluster build could not fetch them" };
  test("is valid in older versions of Kubernetes, too", older, async (t) => {
    const { made } = defaultInstallation(); // by the operator
    const input = manifest([...[...rendered.values()].flat().filter(isKubernetes), ...made]);
    for (const version of recordedVersions()) {
      await using schemas = await recordedSchemas(version);
      const counts = await conforms(input, schemas.location, "MailDomain", "Mailbox");
      t.diagnostic(`${version}: ${counts.trim()}`);
    }
  });

  test("bounds NATS's account by what its servers may keep", () => {
    for (const name of ["default", "small", "watched"]) {
      const texts = (rendered.get(name) ?? []).flatMap((object) =>
        object.kind === "ConfigMap"
          ? Object.values((object as { data?: Record<string, string> }).data ?? {})
          : [],
      );
      const server = texts.map((text) => /max_file_store: (\d+)$/m.exec(text)?.[1]).find(Boolean);
      const told = texts.map((text) => /^ {2}store: (\d+)$/m.exec(text)?.[1]).find(Boolean);
      assert.ok(told !== undefined && told === server, `${name}: ${told} of ${server}`);
    }
  });

  test("runs under the restricted pod security, everywhere", () => {
    for (const object of [...rendered.values()].flat()) {
      const pod = podOf(object);
      if (pod === undefined) continue;
      const where = `${object.kind} ${object.metadata.name}`;
      assert.equal(pod.securityContext?.["runAsNonRoot"], true, where);
      assert.deepEqual(pod.securityContext?.["seccompProfile"], { type: "RuntimeDefault" }, where);
      for (const container of pod.containers) {
        assert.deepEqual(
          container.securityContext,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
          `${where}: ${container.name}`,
        );
        assert.ok(
          container.resources?.["requests"] && container.resources["limits"],
          `${where}: ${container.name}`,
        );
      }
    }
  });

  test("gives nobody the Secrets of the whole cluster", () => {
    for (const [set, objects] of rendered) {
      const bound = objects
        .filter(({ kind }) => kind === "ClusterRoleBinding")
        .map((object) => (object as unknown as { roleRef: { name: string } }).roleRef.name);
      const roles = objects.filter(
        ({ kind, metadata }) => kind === "ClusterRole" && bound.includes(metadata.name),
      );
      const rules = roles.flatMap((role) => (role as unknown as { rules: { resources: string[] }[] }).rules);
      assert.deepEqual(
        rules.filter(({ resources }) => resources.some((name) => /secrets|^\*$/.test(name))),
        [],
        set,
      );
    }
    assert.deepEqual(
      rendered.get("walls")?.filter(({ kind }) => kind === "ClusterRoleBinding"),
      [],
    );
  });
});

/** Of other projects; nobody serves them here. */
const isKubernetes = ({ apiVersion }: KubeObject) =>
  !/^(monitoring\.coreos\.com|cert-manager\.io)\//.test(apiVersion);
const manifest = (objects: readonly object[]) =>
  objects.map((object) => JSON.stringify(object)).join("\n---\n");
const asSuch = ["--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server"];

/** What kubeconform says in the end. */
function conforms(input: string, location: string, ...alsoSkip: readonly string[]): Promise<string> {
  const skip = ["CustomResourceDefinition", ...alsoSkip].join(",");
  const options = ["-strict", "-summary", "-schema-location", location, "-skip", skip];
  return tool(["kubeconform", ...options, "-"], { input });
}

interface Pod {
  readonly securityContext?: Record<string, unknown>;
  readonly containers: readonly {
    readonly name: string;
    readonly securityContext?: object;
    readonly resources?: Record<string, unknown>;
  }[];
}

function podOf(object: KubeObject): Pod | undefined {
  if (object.kind === "Pod") return object.spec as unknown as Pod;
  return (object.spec?.["template"] as { spec?: Pod } | undefined)?.spec;
}
