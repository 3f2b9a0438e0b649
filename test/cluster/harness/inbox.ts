/**
 * What mail programs remember of somebody's INBOX, as `postfleet mailbox show` tells it in a mailbox pod.
 */
import { namespace, release } from "./installation.ts";
import { kubectl } from "./kube.ts";

export interface Inbox {
  readonly uids: readonly number[];
  readonly uidNext: number;
  readonly uidValidity: number;
}

export async function inboxOf(address: string): Promise<Inbox> {
  const show = (...more: readonly string[]) =>
    kubectl(
      ...["exec", "-n", namespace, `deploy/${release}-mailbox`, "--"],
      ...["postfleet", "mailbox", "show", address, ...more],
    );
  const folders = await show();
  const [, uidNext, uidValidity] = /^INBOX\t.*uidnext (\d+)\tuidvalidity (\d+)/m.exec(folders) ?? [];
  const lines = (await show("--folder", "INBOX")).trim().split("\n").filter(Boolean);
  return {
    uids: lines.map((line) => Number(line.split("\t")[0])),
    uidNext: Number(uidNext),
    uidValidity: Number(uidValidity),
  };
}
