/** Sites that mail goes to just now: connections, back-off, what they answer; suspended and resumed. */
import { useEffect } from "preact/hooks";
import type { SitesShape } from "../../../daemon/api/contract/sites.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Empty, Lacking, Link, Problem, State } from "../parts/basics.tsx";
import { SuspendedState, useSuspending } from "../parts/suspend.tsx";
import { numbers, Table } from "../parts/table.tsx";
import { count, from } from "../words.ts";

type Site = SitesShape["sites"][number];

const EVERY_MS = 5_000;

const consequence =
  "Nothing is sent there by this policy any more until it is resumed. What is for it waits; its lifetime goes on. Other sites and other policies go on.";

export function Sites({ steers }: PageProps) {
  const { data, error, again } = useApi<SitesShape>("/sites");
  const { button, dialog, said } = useSuspending(again, consequence);
  useEffect(() => {
    const timer = setInterval(again, EVERY_MS);
    return () => clearInterval(timer);
  }, [again]);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  return (
    <>
      <Problem words={error} />
      <Lacking missing={data.missing} />
      <p class="lead">
        A site is a set of hosts that is reached in one way, for one policy. Here are those of the last hour,
        those in trouble first.
      </p>
      {said}
      {data.sites.length === 0 ? (
        <Empty busy={false}>
          {data.missing.length > 0 ? "No site is known just now." : "Mail goes nowhere just now."}
        </Empty>
      ) : (
        <Table
          label="Sites"
          heads={[
            "Site",
            "State",
            ...numbers("Connections", "Rate"),
            "Answers",
            ...(steers ? ["Order"] : []),
          ]}
        >
          {data.sites.map((site) => (
            <tr key={`${site.policy} ${site.site}`}>
              <td class="text">
                <b>{site.site.replace(/#[0-9a-f]{8}$/, "")}</b>
                <p class="note">
                  for{" "}
                  {site.policy === undefined ? (
                    "a policy"
                  ) : (
                    <Link to={`/queue${query({ policy: site.policy })}`}>{site.policy}</Link>
                  )}
                </p>
              </td>
              <td>
                <SiteState {...site} />
              </td>
              <td class="number">
                <Connections {...site} />
              </td>
              <td class="number">
                {site.ratePerMinute === undefined ? "no limit" : `${count(site.ratePerMinute)}/min`}
              </td>
              <td class="text">
                <Answers {...site} />
              </td>
              {steers ? (
                <td>
                  {site.policy === undefined
                    ? null
                    : button({
                        name: site.site.replace(/#[0-9a-f]{8}$/, ""),
                        suspended: site.suspended,
                        path: "/sites",
                        body: { policy: site.policy, site: site.site },
                      })}
                </td>
              ) : null}
            </tr>
          ))}
        </Table>
      )}
      {dialog}
    </>
  );
}

const meaning = {
  open: "ok",
  slowed: "slowed",
  paused: "back-off",
  suspended: "suspended",
} as const;

/** Its back-off is over, and nothing has shown yet that it is back. */
const isOnTrial = ({ state, allowed, maxConnections, answers }: Site): boolean =>
  state === "open" &&
  allowed <= 1 &&
  maxConnections > 1 &&
  answers?.last !== undefined &&
  !answers.counts.some(({ about }) => about === "delivered");

function SiteState(site: Site) {
  const { state, suspended, backOffUntil } = site;
  if (suspended) return <SuspendedState {...suspended} />;
  if (isOnTrial(site))
    return (
      <>
        <State of="on trial" />
        <p class="note">one connection may try</p>
      </>
    );
  return (
    <>
      <State of={meaning[state]} />
      {backOffUntil === undefined ? null : <p class="note">next try {from(backOffUntil, Date.now())}</p>}
      {state === "slowed" ? <p class="note">it asked for less</p> : null}
    </>
  );
}

function Connections({ connections, maxConnections, allowed, processes }: Site) {
  return (
    <>
      {count(connections)} of {count(maxConnections)}
      {allowed < maxConnections && processes > 0 ? <p class="note">{count(allowed)} at most now</p> : null}
      {processes > 1 ? <p class="note">{count(processes)} relays</p> : null}
    </>
  );
}

function Answers({ answers }: Site) {
  if (answers === undefined) return <>–</>;
  return (
    <>
      <ul class="chips">
        {answers.counts.map(({ about, recipients }) => (
          <li key={about}>
            <span class={about === "delivered" ? "good" : "warn"}>{about}</span> {count(recipients)}
          </li>
        ))}
      </ul>
      {answers.last === undefined ? null : (
        <p class="note">
          {from(answers.last.at, Date.now())}: {answers.last.reply}
        </p>
      )}
    </>
  );
}
