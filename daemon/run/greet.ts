/** What a person at the terminal reads when the daemon is ready: where it listens, and how to send the first mail. */
import type { Output } from "../cli/context.ts";
import type { Directory } from "../directory/directory.ts";
import type { Endpoint } from "../kit/flags.ts";
import { endpointText } from "./endpoints.ts";
import type { RunOptions } from "./options.ts";

export function greet(
  endpoints: ReadonlyMap<string, Endpoint>,
  directory: Directory,
  options: RunOptions,
  out: Output,
): void {
  out.line(`Postfleet is ready as ${options.hostname}.`);
  for (const [name, endpoint] of endpoints) out.line(`  ${name.padEnd(12)} ${endpointText(endpoint)}`);
  const smtp = endpoints.get("smtp");
  const [mailbox] = directory.mailboxes();
  if (smtp === undefined || mailbox === undefined || options.data === undefined) return;
  const instance = options.nats.length > 0 ? `--nats ${options.nats.join(",")}` : `--data ${options.data}`;
  out.line("Send the first mail, and look at it:");
  out.line(
    `  printf 'Subject: hello\\n\\nIt works.\\n' | curl --crlf -sS smtp://${endpointText(smtp)} ` +
      `--mail-from you@example.org --mail-rcpt ${mailbox.address} -T -`,
  );
  out.line(`  bin/postfleet mailbox show ${mailbox.address} --folder INBOX ${instance}`);
}
