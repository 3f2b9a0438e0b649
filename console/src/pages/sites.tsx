/** Sites that mail goes to just now: connections and back-off. */
import { useEffect } from "preact/hooks";
import type { SitesShape } from "../../../daemon/api/routes/policies.ts";
import { useApi } from "../hooks.ts";
import { Empty, Lacking, Link, Problem, State, Table } from "../parts/basics.tsx";
import { count, from } from "../words.ts";

const EVERY_MS = 5_000;

export function Sites() {
  const { data, error, again } = useApi<SitesShape>("/sites");
  useEffect(() => {
    const timer = setInterval(again, EVERY_MS);
    return () => clearInterval(timer);
  }, [again]);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  return (
    <>
      <Problem words={error} />
      <Lacking missing={data.missing} />
      <p>
        A site is a set of hosts that is reached in one way, for one policy. To stop sending, suspend{" "}
        <Link to="/policies">a policy</Link>, or hold <Link to="/queue">the jobs of a destination</Link>.
      </p>
      {data.sites.length === 0 ? <Empty busy={false}>Mail goes nowhere just now.</Empty> : null}
      <Table label="Sites" heads={["Site", "State", "Connections", "It bears", "Rate", "Processes"]}>
        {data.sites.map((site) => (
          <tr key={site.site}>
            <td class="text">{site.site}</td>
            <td>
              {site.backOffUntil === undefined ? (
                <State of="ok" />
              ) : (
                <>
                  <State of="back-off" /> {from(site.backOffUntil, Date.now())}
                </>
              )}
            </td>
            <td class="number">
              {count(site.connections)} of {count(site.maxConnections)}
            </td>
            <td class="number">{count(site.allowed)}</td>
            <td class="number">
              {site.ratePerMinute === undefined ? "–" : `${count(site.ratePerMinute)}/min`}
            </td>
            <td class="number">{count(site.processes)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
