/** Mailboxes and how full they are. */
import type { MailboxesShape } from "../../../daemon/api/routes/mailboxes.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Empty, Link, Problem, State, Table } from "../parts/basics.tsx";
import { Search } from "../parts/search.tsx";
import { count, octets, plural } from "../words.ts";

const LIMIT = 50;

export function Mailboxes({ place }: PageProps) {
  const match = place.query.get("match") ?? undefined;
  const after = place.query.get("after") ?? undefined;
  const { data, error } = useApi<MailboxesShape>(`/mailboxes${query({ match, after, limit: LIMIT })}`);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const last = data.mailboxes.at(-1)?.address;
  return (
    <>
      <Search
        what="Which mailboxes"
        name="match"
        label="Address"
        placeholder="*@example.org"
        value={match ?? ""}
        to={(text) => `/mailboxes${query({ match: text })}`}
      />
      <p>{plural(data.matching, "mailbox", "mailboxes")}.</p>
      <Table label="Mailboxes" heads={["Address", "Messages", "Unseen", "Size", "Quota"]}>
        {data.mailboxes.map((box) => (
          <tr key={box.address}>
            <td>
              {box.address} {box.suspended ? <State of="suspended" /> : null}
            </td>
            <td class="number">{count(box.messages)}</td>
            <td class="number">{count(box.unseen)}</td>
            <td class="number">{octets(box.bytes)}</td>
            <td>
              <Quota {...box} />
            </td>
          </tr>
        ))}
      </Table>
      {data.mailboxes.length === LIMIT ? (
        <Link to={`/mailboxes${query({ match, after: last })}`}>Next page</Link>
      ) : null}
    </>
  );
}

function Quota({ address, bytes, quota }: MailboxesShape["mailboxes"][number]) {
  if (quota.bytes === undefined) return <span>no limit</span>;
  const share = quota.bytes === 0 ? 1 : bytes / quota.bytes;
  return (
    <>
      <meter
        min={0}
        max={1}
        high={0.8}
        optimum={0.2}
        value={Math.min(1, share)}
        aria-label={`How full ${address} is`}
      />{" "}
      {Math.round(share * 100)} % of {octets(quota.bytes)}
    </>
  );
}
