/** Domains of ours: their DNS records, expected and observed, and their DKIM keys. */
import type { DomainsShape, HealthShape } from "../../../daemon/api/routes/domains.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Copy, Empty, Link, Problem, State, Table } from "../parts/basics.tsx";
import { Search } from "../parts/search.tsx";
import { count, plural } from "../words.ts";

export function Domains({ place }: PageProps) {
  const domain = place.query.get("domain");
  return domain === null ? <List place={place} /> : <Detail key={domain} domain={domain} />;
}

const LIMIT = 20;

function List({ place }: Pick<PageProps, "place">) {
  const match = place.query.get("match") ?? undefined;
  const after = place.query.get("after") ?? undefined;
  const { data, error } = useApi<DomainsShape>(`/domains${query({ match, after, limit: LIMIT })}`);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const last = data.domains.at(-1)?.domain;
  return (
    <>
      <Search
        what="Which domains"
        name="match"
        label="Domain"
        placeholder="*.example.org"
        value={match ?? ""}
        to={(text) => `/domains${query({ match: text })}`}
      />
      <p>{plural(data.matching, "domain")}.</p>
      <Table label="Domains" heads={["Domain", "DNS", "Delivery", "Policy", "Resource"]}>
        {data.domains.map((each) => (
          <tr key={each.domain}>
            <td>
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
          </tr>
        ))}
      </Table>
      {data.domains.length === LIMIT ? (
        <Link to={`/domains${query({ match, after: last })}`}>Next page</Link>
      ) : null}
    </>
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
              <State of={record.state} />
              {record.needed ? "" : " (good to have)"}
            </td>
            <td>{record.type}</td>
            <td class="text">{record.name}</td>
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
      {data.keys.length === 0 ? <Empty busy={false}>It has none: its mail is not signed.</Empty> : null}
      <ul class="cards">
        {data.keys.map((key) => (
          <li key={`${key.selector} ${key.algorithm}`}>
            <State of={key.state} /> {key.selector} ({key.algorithm})
            {key.state === "waiting" ? ": it signs when the DNS shows its record" : ""}
          </li>
        ))}
      </ul>
    </>
  );
}
