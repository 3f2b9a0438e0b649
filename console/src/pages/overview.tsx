/** Rates, backlog, what fails now: kept current by the stream of the API. */
import type { OverviewShape } from "../../../daemon/api/shapes.ts";
import { query } from "../api.ts";
import { useEvents } from "../hooks.ts";
import { Empty, Lacking, Link, Problem, State } from "../parts/basics.tsx";
import { numbers, Table } from "../parts/table.tsx";
import { count, from, moment, span } from "../words.ts";

export function OverviewPage() {
  const { data, error } = useEvents<OverviewShape>("/live");
  if (data === undefined) return error === undefined ? <Empty busy>…</Empty> : <Problem words={error} />;
  return (
    <>
      <Problem words={error} />
      <Problem words={data.closed && closures[data.closed]} />
      <Lacking {...data} />
      <p class="count">As of {moment(data.at)}</p>
      <Figures {...data} />
      <h2>Largest destinations</h2>
      <Largest {...data} />
      <h2>What fails now</h2>
      <Troubles {...data} />
    </>
  );
}

const closures = {
  away: "No new mail is taken: NATS is away. Clients hear 451 and try again later.",
  full: "No new mail is taken: the store is nearly full. Clients hear 452 and try again later; what is queued still leaves.",
} as const;

function Figures({ total, perMinute }: OverviewShape) {
  const failures = perMinute.failed + perMinute.expired;
  const tiles: readonly Tile[] = [
    { name: "Queued", value: count(total.jobs), note: `${count(total.active)} under way` },
    {
      name: "To be sent now",
      value: count(total.ready),
      note: total.ready === 0 ? "nothing waits" : `the oldest has waited ${span(total.oldestReadyMs)}`,
      tone: total.oldestReadyMs > LATE_MS ? "warn" : undefined,
    },
    { name: "Deferred", value: count(total.deferred), note: "wait for another try" },
    {
      name: "Held or paused",
      value: count(total.held + total.paused),
      note: `${count(total.held)} held by people`,
      tone: total.held + total.paused > 0 ? "warn" : undefined,
    },
    { name: "Accepted a minute", value: count(perMinute.accepted), note: "messages" },
    { name: "Delivered a minute", value: count(perMinute.delivered), note: "recipients" },
    { name: "Deferred a minute", value: count(perMinute.deferred), note: "recipients" },
    {
      name: "Failed a minute",
      value: count(failures),
      note: `${count(perMinute.expired)} of them expired`,
      tone: failures > 0 ? "bad" : undefined,
    },
  ];
  return (
    <dl class="tiles">
      {tiles.map(({ name, value, note, tone = "" }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <b class={tone}>{value}</b>
            <span>{note}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: "warn" | "bad" | undefined;
}

/** What is due and waits longer than this wants a look. */
const LATE_MS = 60_000;

function Largest({ groups, more, at }: OverviewShape) {
  if (groups.length === 0) return <Empty busy={false}>Nothing is queued.</Empty>;
  return (
    <>
      <Table
        label="Largest destinations"
        heads={["Destination", "Policy", ...numbers("Jobs", "Ready", "Deferred"), "Next try"]}
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
            <td class="when">{group.next === undefined ? "–" : from(group.next, at)}</td>
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
    <Table label="What fails now" heads={["State", ...numbers("Times"), "Last", "Answer", "Message"]}>
      {troubles.map((trouble) => (
        <tr key={`${trouble.kind} ${trouble.by} ${trouble.reply}`}>
          <td>
            <State of={trouble.kind} />
          </td>
          <td class="number">{count(trouble.count)}</td>
          <td class="when">{from(trouble.at, at)}</td>
          <td class="text">
            {trouble.by === undefined ? "" : `${trouble.by}: `}
            {trouble.reply}
          </td>
          <td class="when">
            <Link to={`/message${query({ id: trouble.message })}`}>one of them</Link>
          </td>
        </tr>
      ))}
    </Table>
  );
}
