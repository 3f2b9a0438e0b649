/** Domains of ours: their DNS records, expected and observed, and their DKIM keys. */
import type { DomainsShape, HealthShape } from "../../../daemon/api/routes/domains.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Copy, Dotted, Empty, Link, Problem, State } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";
import { Table } from "../parts/table.tsx";
import { count } from "../words.ts";

type Domain = DomainsShape["domains"][number];

export function Domains({ place }: PageProps) {
  const domain = place.query.get("domain");
  if (domain !== null) return <Detail key={domain} domain={domain} />;
  return (
    <List<DomainsShape, Domain>
      place={place}
      path="/domains"
      limit={20} // the DNS is asked about each of them
      names={["domain", "domains"]}
      label="Domain"
      placeholder="*.example.org"
      heads={["Domain", "DNS", "Delivery", "Policy", "Resource"]}
      rowsOf={({ domains }) => domains}
      nameOf={(each) => each.domain}
      cells={(each) => (
        <>
          <td class="text">
            <Link to={`/domains${query({ domain: each.domain })}`}>{each.domain}</Link>
          </td>
          <td>
            <Health domain={each.domain} />
          </td>
          <td>{each.draining ? "being deleted" : each.delivery}</td>
          <td>{each.policy}</td>
          <td>
            {each.namespace}/{each.name}
          </td>
        </>
      )}
    />
  );
}

function Health({ domain }: { readonly domain: string }) {
  const { data, error } = useApi<HealthShape>(`/domains/${encodeURIComponent(domain)}`);
  if (error !== undefined) return <State of="unknown" />;
  return data === undefined ? <span>…</span> : <State of={data.state} />;
}

function Detail({ domain }: { readonly domain: string }) {
  const { data, error, busy, again } = useApi<HealthShape>(`/domains/${encodeURIComponent(domain)}`);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>Asking the DNS</Empty>;
  const lacking = data.records.filter(({ needed, state }) => needed && state !== "Ok").length;
  return (
    <>
      <p>
        <Link to="/domains">All domains</Link>
      </p>
      <h2>
        {domain} <State of={data.state} />
      </h2>
      <p>
        {lacking === 0
          ? "Every record that it needs is there."
          : `${count(lacking)} of the records that it needs are not as they should be.`}{" "}
        <button type="button" class="small" disabled={busy} onClick={again}>
          Look again
        </button>
      </p>
      <Table label="DNS records" heads={["State", "Type", "Name", "Should say", "Copy", "Says"]}>
        {data.records.map((record) => (
          <tr key={`${record.type} ${record.name} ${record.value}`}>
            <td>
              {record.needed ? <State of={record.state} /> : <State of={record.state} tone="plain" />}
              {record.needed ? null : <p class="note">good to have</p>}
            </td>
            <td>{record.type}</td>
            <td class="text">
              <Dotted name={record.name} />
            </td>
            <td class="text">{record.value}</td>
            <td>
              <Copy text={record.value} what={`the ${record.type} record of ${record.name}`} />
            </td>
            <td class="text">
              {record.observed.join(" | ") || "nothing"}
              {record.note === undefined ? "" : ` (${record.note})`}
            </td>
          </tr>
        ))}
      </Table>
      <h2>DKIM keys</h2>
      {data.keysUnknown ? <Problem words="No daemon that signs for it was there to tell its keys." /> : null}
      <Keys keys={data.keys} />
    </>
  );
}

/** What a state means for whoever rotates keys. */
const advice: Readonly<Record<HealthShape["keys"][number]["state"], string>> = {
  waiting: "New: it signs as soon as the DNS shows its record.",
  signing: "Mail is signed with it.",
  former: "It signs no more. Its record is needed by mail that is under way, until dkim.retention is over.",
};

function Keys({ keys }: Pick<HealthShape, "keys">) {
  if (keys.length === 0) return <Empty busy={false}>It has none: its mail is not signed.</Empty>;
  const waiting = keys.filter(({ state }) => state === "waiting").length;
  return (
    <>
      <p>
        {waiting === 0
          ? "No rotation is under way."
          : `A rotation is under way: ${count(waiting)} of the keys ${waiting === 1 ? "waits" : "wait"} for the DNS.`}
      </p>
      <Table label="DKIM keys" heads={["Key", "State", "Meaning"]}>
        {keys.map((key) => (
          <tr key={`${key.selector} ${key.algorithm}`}>
            <td class="text">
              {key.selector}
              <p class="note">{key.algorithm}</p>
            </td>
            <td>
              <State of={key.state} />
            </td>
            <td class="text">{advice[key.state]}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
