/** Policies: suspended and resumed, and how a message would go. */
import { useState } from "preact/hooks";
import type { DryRunShape, PoliciesShape } from "../../../daemon/api/routes/policies.ts";
import { query, tell } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi, useOrder } from "../hooks.ts";
import { Empty, Field, Link, Problem, State } from "../parts/basics.tsx";
import { SuspendedState, useSuspending } from "../parts/suspend.tsx";
import { numbers, Table } from "../parts/table.tsx";
import { count, plural } from "../words.ts";

type PolicyShape = PoliciesShape["policies"][number];

const consequence =
  "Nothing is sent by it any more until it is resumed. Mail is accepted and waits; its lifetime goes on.";

export function Policies({ steers }: PageProps) {
  const { data, error, again } = useApi<PoliciesShape>("/policies");
  const { button, dialog, said } = useSuspending(again, consequence);
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  return (
    <>
      <h2>How would a message go?</h2>
      <DryRun />
      <h2>Policies</h2>
      {said}
      <Table
        label="Policies"
        heads={[
          "Policy",
          "State",
          "Route",
          "TLS",
          ...numbers("Connections to a site"),
          ...(steers ? ["Order"] : []),
        ]}
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
              {policy.route === "mx" ? "MX hosts" : policy.route}
              {policy.destinations > 0 ? (
                <p class="note">{plural(policy.destinations, "exception")}</p>
              ) : null}
            </td>
            <td>{policy.tls}</td>
            <td class="number">{count(policy.maxConnections)}</td>
            {steers ? (
              <td>
                {button({
                  name: policy.policy,
                  suspended: policy.suspended,
                  path: `/policies/${policy.policy}`,
                })}
              </td>
            ) : null}
          </tr>
        ))}
      </Table>
      {dialog}
    </>
  );
}

/** A policy may stand still for several reasons; to end one of them is not to end the others. */
function PolicyState({ paused, suspended, draining }: PolicyShape) {
  const isOk = !paused && !draining && suspended === undefined;
  return (
    <>
      {isOk ? <State of="ok" /> : null}
      {draining ? <State of="being deleted" /> : null}
      {paused ? (
        <>
          <State of="paused" />
          <p class="note">by its resource: spec.paused</p>
        </>
      ) : null}
      {suspended === undefined ? null : <SuspendedState {...suspended} />}
    </>
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
          <WayThere key={way.recipient} {...way} />
        ))}
      </ul>
      {more > 0 ? <p>And {count(more)} further addresses.</p> : null}
    </>
  );
}

const kinds: Readonly<Record<DryRunShape["ways"][number]["kind"], string>> = {
  local: "filed here",
  forward: "sent on",
  lmtp: "by LMTP",
  smtp: "by SMTP",
  deferred: "would wait",
  failed: "would bounce",
};

function WayThere({ recipient, policy, kind, reply, why, hops }: DryRunShape["ways"][number]) {
  return (
    <li>
      <State of={kinds[kind]} /> <b>{recipient}</b> <span class="soft">by {policy}</span>
      {reply === undefined ? null : <p>{reply}</p>}
      <ol>
        {why.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ol>
      {hops === undefined ? null : (
        <Table
          label={`Hosts for ${recipient}`}
          heads={[...numbers("Preference"), "Host", "Address", "It must prove"]}
        >
          {hops.map((hop) => (
            <tr key={`${hop.address} ${hop.port}`}>
              <td class="number">{count(hop.preference)}</td>
              <td class="text">{hop.host}</td>
              <td>
                {hop.address} port {hop.port}
              </td>
              <td>{proofs[hop.security]}</td>
            </tr>
          ))}
        </Table>
      )}
    </li>
  );
}

const proofs = {
  none: "nothing more",
  encrypt: "that it speaks TLS",
  pkix: "its name (MTA-STS)",
  dane: "its certificate (DANE)",
} as const;
