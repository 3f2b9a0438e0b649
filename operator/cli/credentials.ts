/**
 * The process of `postfleet operator credentials`: a credential that may do everything in our NATS account, for saving
 * and restoring it (scripts/backup.sh). It is made from the installation's keys, which only the operator may read.
 *
 * Out:        the text of a creds file on standard output.
 * Exit codes: 0 done · 1 no keys yet · 2 wrong usage.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { parseConfig } from "../config.ts";
import { installationOf } from "../desired/from-config.ts";
import { keysSecretName } from "../desired/names.ts";
import { homeSecrets } from "../home.ts";
import { openKube } from "../kube/client.ts";
import { keysFrom, operatorCreds } from "../store/authority.ts";

const usage = "Usage: postfleet operator credentials --config FILE [--kubeconfig FILE]";

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: "string" },
      kubeconfig: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help || values.config === undefined) {
    process.stderr.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const installation = installationOf(parseConfig(await readFile(values.config, "utf8")));
  const name = keysSecretName(installation);
  await using kube = await openKube({ env: process.env, kubeconfig: values.kubeconfig });
  const files = await homeSecrets(kube, installation, AbortSignal.timeout(30_000)).read(name);
  if (!files) {
    process.stderr.write(
      `there is no Secret ${installation.namespace}/${name} yet: the operator makes it when it leads\n`,
    );
    return 1;
  }
  process.stdout.write(await operatorCreds(keysFrom(files, name)));
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`postfleet operator credentials: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
