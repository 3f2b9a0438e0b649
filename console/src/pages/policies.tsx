/** Policies: suspended and resumed, and how a message would go. */
import { useState } from "preact/hooks";
import type { DryRunShape, PoliciesShape } from "../../../daemon/api/routes/policies.ts";
import { query, tell } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi, useOrder } from "../hooks.ts";
import { Empty, Field, Link, Problem, Said, State, Table } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { count, moment } from "../words.ts";

type PolicyShape = PoliciesShape["policies"][number];

export function Policies({ steers }: PageProps) {
  const { data, error, again } = useApi<PoliciesShape>("/policies");
  const [asked, setAsked] = useState<PolicyShape>();
  const { busy, said, run } = useOrder();
  const order = ({ policy, suspended }: PolicyShape, reason: string) =>
    run(async () => {
      await (suspended
        ? tell(`/policies/${policy}/resume`, undefined)
        : tell(`/policies/${policy}/suspend`, { reason }));
      return `${policy} ${suspended ? "goes on" : "is suspended"}.`;
    }).then(() => {
      setAsked(undefined);
      again();
    });
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  return (
    <>
      <Said said={said} />
      <Table
        label="Policies"
        heads={["Policy", "State", "Route", "TLS", "Connections to a site", ...(steers ? ["Order"] : [])]}
      >
        {data.policies.map((policy) => (
          <tr key={policy.policy}>
            <td>
              <Link to={`/queue${query({ policy: policy.policy })}`}>{policy.policy}</Link>
            </td>
            <td>
              <PolicyState {...policy} />
            </td>
            <td>
              {policy.route}
              {policy.destinations > 0 ? `, ${count(policy.destinations)} exceptions` : ""}
            </td>
            <td>{policy.tls}</td>
            <td class="number">{count(policy.maxConnections)}</td>
            {steers ? (
              <td>
                <button type="button" class="small" disabled={busy} onClick={() => setAsked(policy)}>
                  {policy.suspended ? "Resume" : "Suspend"}
                </button>
              </td>
            ) : null}
          </tr>
        ))}
      </Table>
      {asked === undefined ? null : (
        <Ask
          policy={asked}
          busy={busy}
          onConfirm={(reason) => void order(asked, reason)}
          onClose={() => setAsked(undefined)}
        />
      )}
      <h2>How would a message go?</h2>
      <DryRun />
    </>
  );
}

function PolicyState({ paused, suspended, draining }: PolicyShape) {
  if (suspended)
    return (
      <>
        <State of="suspended" /> since {moment(suspended.since)}
        {suspended.reason === "" ? "" : `: ${suspended.reason}`}
      </>
    );
  return <State of={draining ? "being deleted" : paused ? "paused" : "ok"} />;
}

interface AskProps {
  readonly policy: PolicyShape;
  readonly busy: boolean;
  readonly onConfirm: (reason: string) => void;
  readonly onClose: () => void;
}

function Ask({ policy: { policy, suspended }, busy, onConfirm, onClose }: AskProps) {
  const [reason, setReason] = useState("");
  const verb = suspended ? "Resume" : "Suspend";
  return (
    <Dialog
      title={`${verb} ${policy}`}
      confirm={verb}
      busy={busy}
      onConfirm={() => onConfirm(reason)}
      onClose={onClose}
    >
      {suspended ? (
        <p>What waits is sent again, as its sites allow.</p>
      ) : (
        <>
          <p>
            Nothing is sent by it any more until it is resumed. Mail is accepted and waits; its lifetime goes
            on.
          </p>
          <Field name="reason" label="Why, for your colleagues" value={reason} onInput={setReason} />
        </>
      )}
    </Dialog>
  );
}

function DryRun() {
  const [recipient, setRecipient] = useState("");
  const [client, setClient] = useState("");
  const [user, setUser] = useState("");
  const [found, setFound] = useState<DryRunShape>();
  const { busy, said, run } = useOrder();
  const look = () =>
    run(async () => {
      const given = { ...(client ? { client } : {}), ...(user ? { user } : {}) };
      setFound(await tell<DryRunShape>("/dry-run", { recipient: recipient.trim(), ...given }));
      return "";
    });
  return (
    <>
      <form
        class="filter"
        aria-label="A message to try"
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        <Field
          name="recipient"
          label="To"
          placeholder="bob@example.net"
          value={recipient}
          onInput={setRecipient}
        />
        <Field
          name="client"
          label="From the client"
          placeholder="192.0.2.7"
          value={client}
          onInput={setClient}
        />
        <Field name="user" label="Logged in as" placeholder="nobody" value={user} onInput={setUser} />
        <div class="buttons">
          <button type="submit" class="main" disabled={busy || recipient.trim() === ""}>
            Tell
          </button>
        </div>
      </form>
      <Problem words={said?.kind === "failed" ? said.words : undefined} />
      <div aria-live="polite">{found === undefined ? null : <Told {...found} />}</div>
    </>
  );
}

function Told({ accepted, why, ways, more }: DryRunShape) {
  return (
    <>
      <p>
        <State of={accepted ? "accepted" : "refused"} /> {why.join(" ")}
      </p>
      <ul class="cards">
        {ways.map((way) => (
          <li key={way.recipient}>
            <State of={way.kind} /> <b>{way.recipient}</b> by {way.policy}
            {way.reply === undefined ? null : <p>{way.reply}</p>}
            <ol>
              {way.why.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ol>
            {way.hops === undefined ? null : (
              <ul>
                {way.hops.map((hop) => (
                  <li key={`${hop.address} ${hop.port}`}>
                    {hop.preference} {hop.host} [{hop.address}]:{hop.port}
                    {hop.security === "none" ? "" : ` (${hop.security})`}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
      {more > 0 ? <p>And {count(more)} further addresses.</p> : null}
    </>
  );
}
