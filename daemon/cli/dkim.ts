/**
 * `postfleet dkim DOMAIN`: new keys for DKIM signatures, as a Secret to put beside the MailDomain.
 *
 * Out:    YAML on standard output, with the records to publish as comments on top. Nothing is written anywhere else.
 */
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { parseDomain } from "../mail/address.ts";
import { dkimRecord, dkimRecordName, generateDkimKey, parseSelector } from "../mail/dkim/keys.ts";
import { zoneFile } from "../mail/zone/zone-file.ts";
import { type CommandContext, usage } from "./context.ts";

const help = `postfleet dkim DOMAIN [--selector NAME] [--secret NAME] [--namespace NAME] > dkim.yaml
  --selector NAME   the name of the keys in DNS (default postfleet); a new one, beside the old, is how keys are changed
  --secret NAME     the Secret's name (default dkim), for spec.dkim.secretRef
  --namespace NAME  its namespace (default default)`;

export async function dkimCommand(argv: readonly string[], { out }: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      selector: { type: "string", default: "postfleet" },
      secret: { type: "string", default: "dkim" },
      namespace: { type: "string", default: "default" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    out.line(help);
    return 0;
  }
  const domain = parseDomain(positionals[0] ?? "");
  if (domain === undefined || positionals.length > 1)
    throw usage(`give one domain, such as example.org\n${help}`);
  const selector = parseSelector(values.selector);
  if (selector === undefined || selector.includes(".") || selector.length > 55)
    throw usage(
      `--selector ${values.selector}: give one label of letters, digits and -, at most 55, such as postfleet`,
    );
  const keys = [
    { selector: selector as string, pem: generateDkimKey("rsa-sha256") },
    { selector: `${selector}-ed25519`, pem: generateDkimKey("ed25519-sha256") },
  ];
  const records = keys.map(({ selector: name, pem }) => ({
    type: "TXT" as const,
    name: dkimRecordName(name, domain),
    value: dkimRecord(pem),
  }));
  for (const line of zoneFile(records).trimEnd().split("\n")) out.line(`# ${line}`);
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: values.secret, namespace: values.namespace },
    stringData: Object.fromEntries(keys.map(({ selector: name, pem }) => [`${name}.pem`, pem])),
  };
  out.line(stringify(secret).trimEnd());
  return 0;
}
