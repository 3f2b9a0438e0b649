/** Which builder is taken, and what it is told. The builders are stand-ins that print their arguments. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const script = join(import.meta.dirname, "image.sh");
const run = promisify(execFile);
let folder: string;

const prints = "#!/bin/sh\necho $0 $*\n";
/** A client of Docker without a daemon. */
const alone = '#!/bin/sh\n[ "$1" = version ] && exit 1\necho $0 $*\n';

/** A PATH with these builders, and nothing else than the script itself needs. */
async function pathWith(builders: Readonly<Record<string, string>>): Promise<string> {
  const place = await mkdtemp(join(folder, "bin-"));
  for (const name of ["bash", "sh", "env", "sed", "git", "dirname"]) {
    const { stdout } = await run("sh", ["-c", `command -v ${name}`]);
    await symlink(stdout.trim(), join(place, name));
  }
  for (const [name, text] of Object.entries(builders))
    await writeFile(join(place, name), text, { mode: 0o755 });
  return place;
}

const image = async (builders: Readonly<Record<string, string>>, env: object, ...args: readonly string[]) => {
  const { stdout } = await run(script, ["postfleet:1", ...args], {
    env: { PATH: await pathWith(builders), SOURCE_DATE_EPOCH: "1700000000", ...env },
  });
  return stdout;
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postfleet-image-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const table = [
  {
    name: "Docker first",
    builders: { docker: prints, buildah: prints },
    says: /docker buildx build .*rewrite-timestamp=true/,
  },
  {
    name: "not Docker without a daemon",
    builders: { docker: alone, buildah: prints },
    says: /buildah bud .*--timestamp 1700000000/,
  },
  {
    name: "podman",
    builders: { podman: prints },
    says: /podman build .*--timestamp 1700000000 -t postfleet:1 \./,
  },
] as const;

for (const { name, builders, says } of table)
  test(`the builder: ${name}`, async () => assert.match(await image(builders, {}), says));

test("a builder, a base and more arguments can be chosen", async () => {
  const said = await image(
    { docker: prints, buildah: prints },
    { BUILDER: "buildah", BASE: "example.org/node:24", PLATFORM: "linux/arm64" },
    "--no-cache",
  );
  assert.match(
    said,
    /buildah bud --no-cache --build-arg VERSION=\d+\.\d+\.\d+ --build-arg REVISION=[0-9a-f]{40}/,
  );
  assert.match(said, /--build-arg BASE=example\.org\/node:24 --platform linux\/arm64/);
});

test("without a builder it says what it looked for", async () => {
  await assert.rejects(image({ docker: alone }, {}), /neither docker, podman nor buildah works/);
  await assert.rejects(
    image({ docker: prints }, { BUILDER: "kaniko" }),
    /BUILDER may be docker, podman or buildah/,
  );
});
