/** Rates, backlog, what fails now: kept current by the stream of the API. */
import type { OverviewShape } from "../../../daemon/api/shapes.ts";
import { query } from "../api.ts";
import { useEvents } from "../hooks.ts";
import { Empty, Lacking, Link, Problem, State, Table } from "../parts/basics.tsx";
import { count, from, span } from "../words.ts";

export function OverviewPage() {
  const { data, error } = useEvents<OverviewShape>("/live");
  if (data === undefined) return error === undefined ? <Empty busy>…</Empty> : <Problem words={error} />;
  return (
    <>
      <Problem words={error} />
      <Lacking {...data} />
      <Figures {...data} />
      <h2>Largest destinations</h2>
      <Largest {...data} />
      <h2>What fails now</h2>
      <Troubles {...data} />
    </>
  );
}

function Figures({ total, perMinute }: OverviewShape) {
  const tiles: readonly (readonly [name: string, value: string, note: string])[] = [
    ["Queued", count(total.jobs), `${count(total.active)} under way`],
    ["To be sent now", count(total.ready), `oldest waits ${span(total.oldestReadyMs)}`],
    ["Deferred", count(total.deferred), "wait for another try"],
    ["Held or paused", count(total.held + total.paused), `${count(total.held)} held by people`],
    ["Accepted", `${count(perMinute.accepted)}/min`, "in the last minute"],
    ["Delivered", `${count(perMinute.delivered)}/min`, "in the last minute"],
    ["Deferrals", `${count(perMinute.deferred)}/min`, "in the last minute"],
    ["Failures", `${count(perMinute.failed + perMinute.expired)}/min`, `${count(perMinute.expired)} expired`],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <b>{value}</b>
            <span>{note}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Largest({ groups, more, at }: OverviewShape) {
  if (groups.length === 0) return <Empty busy={false}>Nothing is queued.</Empty>;
  return (
    <>
      <Table
        label="Largest destinations"
        heads={["Destination", "Policy", "Jobs", "Ready", "Deferred", "Next try"]}
      >
        {groups.map((group) => (
          <tr key={`${group.class} ${group.policy} ${group.destination}`}>
            <td>
              <Link to={`/queue${query({ destination: group.destination, policy: group.policy })}`}>
                {group.destination}
              </Link>
            </td>
            <td>{group.policy}</td>
            <td class="number">{count(group.jobs)}</td>
            <td class="number">{count(group.ready)}</td>
            <td class="number">{count(group.deferred)}</td>
            <td>{group.next === undefined ? "–" : from(group.next, at)}</td>
          </tr>
        ))}
      </Table>
      {more > 0 ? (
        <p>
          And {count(more)} more: <Link to="/queue">see the queue</Link>.
        </p>
      ) : null}
    </>
  );
}

function Troubles({ troubles, at }: OverviewShape) {
  if (troubles.length === 0) return <Empty busy={false}>Nothing failed lately.</Empty>;
  return (
    <Table label="What fails now" heads={["State", "Times", "Last", "Answer", "Message"]}>
      {troubles.map((trouble) => (
        <tr key={`${trouble.kind} ${trouble.by} ${trouble.reply}`}>
          <td>
            <State of={trouble.kind} />
          </td>
          <td class="number">{count(trouble.count)}</td>
          <td>{from(trouble.at, at)}</td>
          <td class="text">
            {trouble.by === undefined ? "" : `${trouble.by}: `}
            {trouble.reply}
          </td>
          <td>
            <Link to={`/message${query({ id: trouble.message })}`}>one of them</Link>
          </td>
        </tr>
      ))}
    </Table>
  );
}
