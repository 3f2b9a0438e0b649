/** One message: its time line, where it is now, its header. */
import { useState } from "preact/hooks";
import type { TraceShape } from "../../../daemon/api/routes/messages.ts";
import { ask, query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi, useOrder } from "../hooks.ts";
import { Empty, Problem, State } from "../parts/basics.tsx";
import { endsOf } from "../parts/ends.ts";
import { Orders } from "../parts/orders.tsx";
import { Search } from "../parts/search.tsx";
import { Table } from "../parts/table.tsx";
import { from, moment, octets, plural } from "../words.ts";

export function Message({ place, steers }: PageProps) {
  const id = place.query.get("id") ?? "";
  return (
    <>
      <Search
        what="Which message"
        name="id"
        label="What the client was told: queued as …"
        value={id}
        to={(text) => `/message${query({ id: text.toLowerCase() })}`}
      />
      {id === "" ? null : <Trace key={id} id={id} steers={steers} />}
    </>
  );
}

function Trace({ id, steers }: { readonly id: string; readonly steers: boolean }) {
  const { data, error, busy, again } = useApi<TraceShape>(`/messages/${encodeURIComponent(id)}`);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  return (
    <>
      <Summary {...data} />
      <div class="title">
        <h2>Where it is now</h2>
        <button type="button" class="small" disabled={busy} onClick={again}>
          Look again
        </button>
      </div>
      <Fates data={data} />
      {steers && data.jobs.length > 0 ? (
        <div class="steer">
          <span>{plural(data.jobs.length, "job")} of it:</span>
          <Orders choice={{ jobs: data.jobs }} onDone={again} />
        </div>
      ) : null}
      {steers && data.jobs.length > 0 ? <Header id={id} /> : null}
      <h2>What happened</h2>
      <ol class="line">
        {data.events.map((event, i) => (
          <li key={i}>
            <time dateTime={new Date(event.at).toISOString()}>{moment(event.at)}</time>{" "}
            <State of={event.kind} />
            <span class="text">{withoutTime(event.words)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** Who sent what, as the gateway took it. */
function Summary({ events }: TraceShape) {
  const accepted = events.find(({ kind }) => kind === "accepted")?.event;
  if (accepted?.kind !== "accepted") return null;
  const { sender, size, client, protocol, user, results } = accepted;
  return (
    <dl class="facts">
      <dt>From</dt>
      <dd>{sender === "" ? "<> (a report, from nobody)" : sender}</dd>
      <dt>Came</dt>
      <dd>
        {moment(accepted.at)} from {client} by {protocol}
        {user === undefined ? "" : `, logged in as ${user}`}
      </dd>
      <dt>Size</dt>
      <dd>{octets(size)}</dd>
      {results ? (
        <>
          <dt>Found</dt>
          <dd>{results}</dd>
        </>
      ) : null}
    </dl>
  );
}

/** Every recipient once: in the queue as its job says, else as the last event about it says. */
function Fates({ data: { events, jobs } }: { readonly data: TraceShape }) {
  const now = Date.now();
  const ended = endsOf(events, jobs);
  if (jobs.length + ended.length === 0)
    return <Empty busy={false}>Nothing is known of its recipients.</Empty>;
  return (
    <Table label="Where it is now" heads={["Recipient", "State", "Where", "Last answer"]}>
      {jobs.map((job) => (
        <tr key={job.key}>
          <td class="text">
            {job.recipients.join(", ")}
            {job.moreRecipients > 0 ? ` and ${plural(job.moreRecipients, "more", "more")}` : ""}
          </td>
          <td>
            <State of={job.isOrderedBack ? "bouncing" : job.state} />
          </td>
          <td>
            in the queue, by {job.policy}
            <p class="note">
              {plural(job.attempts, "try", "tries")}
              {job.nextAttempt === undefined ? "" : `, next ${from(job.nextAttempt, now)}`}
            </p>
          </td>
          <td class="text">{job.history.at(-1)?.reply ?? "–"}</td>
        </tr>
      ))}
      {ended.map(({ recipient, kind, where, reply }) => (
        <tr key={recipient}>
          <td class="text">{recipient}</td>
          <td>
            <State of={kind} />
          </td>
          <td class="text">{where}</td>
          <td class="text">{reply}</td>
        </tr>
      ))}
    </Table>
  );
}

/** Time and kind stand before already. */
const withoutTime = (words: string): string => words.replace(/^\S+ \S+ /, "");

function Header({ id }: { readonly id: string }) {
  const [header, setHeader] = useState<string>();
  const { busy, said, run } = useOrder();
  const load = () =>
    void run(async () => {
      setHeader(
        (await ask<{ readonly header: string }>(`/messages/${encodeURIComponent(id)}/header`)).header,
      );
      return "";
    });
  return (
    <>
      <button type="button" disabled={busy} onClick={load}>
        Show the header
      </button>
      <Problem words={said?.kind === "failed" ? said.words : undefined} />
      {header === undefined ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="scroll" tabIndex={0} aria-label="Header">
          <pre>{header}</pre>
        </section>
      )}
    </>
  );
}
