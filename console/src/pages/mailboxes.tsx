/** Mailboxes and how full they are. */
import type { MailboxesShape } from "../../../daemon/api/routes/mailboxes.ts";
import type { PageProps } from "../app.tsx";
import { State } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";
import { numbers } from "../parts/table.tsx";
import { count, octets, plural } from "../words.ts";

type Box = MailboxesShape["mailboxes"][number];

export const Mailboxes = ({ place }: PageProps) => (
  <List<MailboxesShape, Box>
    place={place}
    path="/mailboxes"
    names={["mailbox", "mailboxes"]}
    label="Address"
    placeholder="*@example.org"
    heads={["Address", ...numbers("Messages", "Unseen", "Size"), "Quota"]}
    rowsOf={({ mailboxes }) => mailboxes}
    nameOf={({ address }) => address}
    cells={(box) => (
      <>
        <td class="text">
          {box.address} {box.suspended ? <State of="suspended" /> : null}
        </td>
        <td class="number">{count(box.messages)}</td>
        <td class="number">{count(box.unseen)}</td>
        <td class="number">{octets(box.bytes)}</td>
        <td>
          <Quotas {...box} />
        </td>
      </>
    )}
  />
);

/** Octets and messages, each with a bar, as far as they are limited. */
function Quotas({ address, bytes, messages, quota }: Box) {
  const limits = [
    quota.bytes === undefined ? undefined : { used: bytes, most: quota.bytes, words: octets(quota.bytes) },
    quota.messages === undefined
      ? undefined
      : { used: messages, most: quota.messages, words: plural(quota.messages, "message") },
  ].filter((limit) => limit !== undefined);
  if (limits.length === 0) return <span class="soft">no limit</span>;
  return (
    <>
      {limits.map((limit) => (
        <Bar key={limit.words} of={address} {...limit} />
      ))}
    </>
  );
}

interface BarProps {
  readonly of: string;
  readonly used: number;
  readonly most: number;
  readonly words: string;
}

function Bar({ of, used, most, words }: BarProps) {
  const share = most === 0 ? 1 : used / most;
  return (
    <div class="bar">
      <meter
        min={0}
        max={1}
        high={0.8}
        optimum={0.2}
        value={Math.min(1, share)}
        aria-label={`How full ${of} is, of ${words}`}
      />
      <span>
        {Math.round(share * 100)} % of {words}
      </span>
    </div>
  );
}
