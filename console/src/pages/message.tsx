/** One message: its time line, where it is now, its header. */
import { useState } from "preact/hooks";
import type { TraceShape } from "../../../daemon/api/routes/messages.ts";
import { ask, query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi, useOrder } from "../hooks.ts";
import { Empty, Problem, State } from "../parts/basics.tsx";
import { Orders } from "../parts/orders.tsx";
import { Search } from "../parts/search.tsx";
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
      <h2>Where it is now</h2>
      {data.jobs.length === 0 ? <Empty busy={busy}>Nothing of it is queued any more.</Empty> : null}
      <ul class="cards">
        {data.jobs.map((job) => (
          <li key={job.key}>
            <State of={job.isOrderedBack ? "bouncing" : job.state} /> {job.recipients.join(", ")}
            {job.moreRecipients > 0 ? ` and ${plural(job.moreRecipients, "more", "more")}` : ""}
            <br />
            {plural(job.attempts, "try", "tries")} by {job.policy}, {octets(job.size)}
            {job.nextAttempt === undefined ? "" : `, next ${from(job.nextAttempt, Date.now())}`}
          </li>
        ))}
      </ul>
      {steers && data.jobs.length > 0 ? (
        <>
          <Orders choice={{ jobs: data.jobs }} onDone={again} />
          <Header id={id} />
        </>
      ) : null}
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
      <button type="button" class="small" disabled={busy} onClick={again}>
        Look again
      </button>
    </>
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
