/**
 * `make image`'s script, with the builder of the test cluster: no container engine, no registry.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../harness/source.ts";
import { environment, tool } from "./tools.ts";

/** RUN steps in a chroot, since there are no user namespaces. */
export const builder = {
  BUILDER: "buildah",
  BUILDAH_ISOLATION: "chroot",
  STORAGE_DRIVER: environment["STORAGE_DRIVER"] ?? "overlay",
};

/** RUN steps trust the authorities that this machine trusts: a registry of packages may be behind one of its own. */
export async function makeImage(name: string, ...more: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "pf-image-"));
  const npmrc = join(folder, "npmrc");
  await writeFile(npmrc, "cafile=/run/authorities.crt\n");
  const authorities = ["-v", "/etc/ssl/certs/ca-certificates.crt:/run/authorities.crt:ro"];
  const npm = ["-v", `${npmrc}:/usr/local/etc/npmrc:ro`];
  try {
    await tool(
      [join(root, "scripts/image.sh"), name, "--pull-never", "--layers", ...authorities, ...npm, ...more],
      {
        env: builder,
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface ImageFacts {
  /** A digest of everything that it is: equal for equal images. */
  readonly id: string;
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
}

export async function inspectImage(name: string): Promise<ImageFacts> {
  const { FromImageID: id, OCIv1 } = JSON.parse(
    await tool(["buildah", "inspect", "--type", "image", name], { env: builder }),
  ) as { FromImageID: string; OCIv1: { config: { User: string; Labels: Record<string, string> } } };
  return { id, user: OCIv1.config.User, labels: OCIv1.config.Labels };
}
