/** The queue: by destination, or job by job. */
import type { GroupsShape, JobShape, JobsShape } from "../../../daemon/api/shapes.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Empty, Lacking, Link, Problem, State } from "../parts/basics.tsx";
import { type Filter, FilterForm, filterOf } from "../parts/filter.tsx";
import { Orders } from "../parts/orders.tsx";
import { ChooseAll, PageButtons, useChoice, usePages } from "../parts/paged.tsx";
import { numbers, Table } from "../parts/table.tsx";
import { count, from, plural } from "../words.ts";

export function Queue({ place, steers }: PageProps) {
  const filter = filterOf(place);
  const isFiltered = Object.keys(filter).length > 0;
  const view = place.query.get("view") ?? (isFiltered ? "jobs" : "destinations");
  return (
    <>
      <FilterForm filter={filter} view={place.query.get("view") ?? ""} />
      <nav class="tabs" aria-label="How they are shown">
        {["destinations", "jobs"].map((each) => (
          <Link key={each} to={`/queue${query({ ...filter, view: each })}`} current={each === view}>
            By {each === "jobs" ? "job" : "destination"}
          </Link>
        ))}
      </nav>
      {view === "jobs" ? (
        <Jobs key={JSON.stringify(filter)} filter={filter} steers={steers} />
      ) : (
        <Destinations filter={filter} />
      )}
    </>
  );
}

const ofIndex = ({ sender, recipient, reason, ...rest }: Filter): Filter => rest;

function Destinations({ filter }: { readonly filter: Filter }) {
  const { data, error, busy, again } = useApi<GroupsShape>(`/queue/groups${query(ofIndex(filter))}`);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const heads = [
    "Destination",
    "Policy",
    ...numbers("Jobs", "Ready", "Deferred", "Held", "Paused", "Active"),
    "Next try",
  ];
  return (
    <>
      <Problem words={error} />
      <Lacking {...data} />
      <p>
        {plural(data.total.jobs, "job")} to {plural(data.groups.length + data.more, "destination")}.{" "}
        <button type="button" class="small" disabled={busy} onClick={again}>
          Look again
        </button>
      </p>
      <Table label="Queue by destination" heads={heads}>
        {data.groups.map((group) => (
          <tr key={`${group.class} ${group.policy} ${group.destination} ${group.reroute?.host ?? ""}`}>
            <td>
              <Link
                to={`/queue${query({ ...ofIndex(filter), destination: group.destination, policy: group.policy, view: "jobs" })}`}
              >
                {group.destination}
              </Link>
              {group.reroute ? ` → ${group.reroute.host}:${group.reroute.port}` : ""}
            </td>
            <td>{group.policy}</td>
            {[group.jobs, group.ready, group.deferred, group.held, group.paused, group.active].map((n, i) => (
              <td key={i} class="number">
                {count(n)}
              </td>
            ))}
            <td class="when">{group.next === undefined ? "–" : from(group.next, Date.now())}</td>
          </tr>
        ))}
      </Table>
      {data.more > 0 ? <p>And {count(data.more)} smaller ones: filter to see them.</p> : null}
    </>
  );
}

function Jobs({ filter, steers }: { readonly filter: Filter; readonly steers: boolean }) {
  const pages = usePages();
  const { after } = pages;
  const choice = useChoice(pages);
  const { data, error, busy, again } = useApi<JobsShape>(
    `/queue/jobs${query({ ...filter, after, limit: 50 })}`,
  );
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const jobs = data.jobs.filter(({ key }) => choice.has(key));
  const all = <ChooseAll of="job" ids={data.jobs.map(({ key }) => key)} choice={choice} />;
  return (
    <>
      <Problem words={error} />
      <Lacking {...data} />
      <p>
        {wordsOf(filter, data)}{" "}
        <button type="button" class="small" disabled={busy} onClick={again}>
          Look again
        </button>
      </p>
      {steers ? (
        <div class="steer">
          <span>
            {jobs.length > 0 ? `${plural(jobs.length, "job")} chosen:` : "All that fit the filter:"}
          </span>
          <Orders choice={jobs.length > 0 ? { jobs } : { filter }} onDone={again} />
        </div>
      ) : null}
      {data.jobs.length === 0 ? <Empty busy={busy}>No job here.</Empty> : null}
      <Table
        label="Jobs"
        heads={[
          ...(steers ? [{ name: "Choose", head: all }] : []),
          "Recipients",
          "State",
          "Next try",
          ...numbers("Tries"),
          "Sender",
          "Last answer",
        ]}
      >
        {data.jobs.map((job) => (
          <Row
            key={job.key}
            job={job}
            steers={steers}
            isChosen={choice.has(job.key)}
            onToggle={() => choice.toggle(job.key)}
          />
        ))}
      </Table>
      <PageButtons of="jobs" pages={pages} next={data.after} />
    </>
  );
}

/** What only records tell is looked for page by page, and nobody counts it beforehand. */
function wordsOf({ sender, recipient, reason }: Filter, { matching, examined, jobs }: JobsShape): string {
  if ((sender ?? recipient ?? reason) === undefined) return `${plural(matching, "job")}.`;
  return `${plural(jobs.length, "job")} here, of ${count(examined)} that were read for this page; ${count(matching)} fit the rest of the filter.`;
}

interface RowProps {
  readonly job: JobShape;
  readonly steers: boolean;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}

function Row({ job, steers, isChosen, onToggle }: RowProps) {
  const [first = job.destination] = job.recipients;
  const last = job.history.at(-1);
  const others = job.recipients.length - 1 + job.moreRecipients;
  return (
    <tr>
      {steers ? (
        <td>
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Choose the job for ${first}`}
            onChange={onToggle}
          />
        </td>
      ) : null}
      <td class="text">
        <Link to={`/message${query({ id: job.message })}`}>{first}</Link>
        {others > 0 ? ` and ${count(others)} more` : ""}
      </td>
      <td>
        <State of={job.isOrderedBack ? "bouncing" : job.state} />
      </td>
      <td class="when">{job.nextAttempt === undefined ? "–" : from(job.nextAttempt, Date.now())}</td>
      <td class="number">{count(job.attempts)}</td>
      <td>{job.sender === "" ? "<>" : job.sender}</td>
      <td class="text">
        {last?.reply ?? "–"}
        {last?.bounce === undefined ? null : <p class="note">{last.bounce}</p>}
      </td>
    </tr>
  );
}
