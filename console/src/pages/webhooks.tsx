/** Webhooks: how each fares; and of one, the events that its receiver was not told of. */
import type { LettersShape, WebhookShape, WebhooksShape } from "../../../daemon/api/contract/webhooks.ts";
import { query } from "../api.ts";
import type { PageProps } from "../app.tsx";
import { useApi } from "../hooks.ts";
import { Dotted, Empty, Link, Problem, State } from "../parts/basics.tsx";
import { Letters } from "../parts/letters.tsx";
import { List } from "../parts/list.tsx";
import { numbers } from "../parts/table.tsx";
import { count, moment } from "../words.ts";

export type LetterState = LettersShape["letters"][number]["state"];

export function Webhooks({ place, steers }: PageProps) {
  const [namespace, hook] = ["namespace", "hook"].map((name) => place.query.get(name) ?? "");
  if (namespace && hook) {
    const state = place.query.get("state") === "waiting" ? "waiting" : "dead";
    return <Detail key={`${namespace} ${hook}`} {...{ namespace, hook, state, steers }} />;
  }
  return (
    <>
      <p class="lead">
        A webhook tells a program of yours what became of messages. Mail does not wait for it: what is not
        taken is told again later, and given up in the end.
      </p>
      <List<WebhooksShape, WebhookShape>
        place={place}
        path="/webhooks"
        names={["webhook", "webhooks"]}
        label="Namespace and webhook"
        placeholder="default/*"
        heads={["Webhook", "State", ...numbers("Wait", "Given up"), "Receiver", "Declared by"]}
        rowsOf={({ webhooks }) => webhooks}
        nameOf={nameOf}
        cells={(each) => (
          <>
            <td class="text">
              <Link to={placeOf(each, each.dead === 0 && each.waiting > 0 ? "waiting" : "dead")}>
                <Dotted name={nameOf(each)} />
              </Link>
            </td>
            <td class="text">
              <Fares {...each} />
            </td>
            <td class="number">{count(each.waiting)}</td>
            <td class="number">{count(each.dead)}</td>
            <td class="text">{each.declared ? <Dotted name={each.declared.host} /> : "–"}</td>
            <td class="text">
              <Declared {...each} />
            </td>
          </>
        )}
      />
    </>
  );
}

const nameOf = ({ namespace, hook }: Pick<WebhookShape, "namespace" | "hook">): string =>
  `${namespace}/${hook}`;
const placeOf = ({ namespace, hook }: Pick<WebhookShape, "namespace" | "hook">, state: LetterState): string =>
  `/webhooks${query({ namespace, hook, state })}`;

function Fares({ state, since, why, declared }: WebhookShape) {
  if (declared === undefined) return <State of="removed" />;
  if (state === "well") return <State of="ok" />;
  const when = since === undefined ? "" : `since ${moment(since)}`;
  return (
    <>
      <State of={state === "gone" ? "ended" : state} />
      <p class="note">
        {when}
        {state === "gone" ? ": its receiver wants nothing more (410)" : why ? `: ${why}` : ""}
      </p>
    </>
  );
}

function Declared({ declared }: WebhookShape) {
  if (declared === undefined) return <span class="soft">no resource any more</span>;
  const { kind, of } = declared;
  return (
    <Link to={kind === "MailDomain" ? `/domains${query({ domain: of })}` : `/queue${query({ policy: of })}`}>
      {kind} {of}
    </Link>
  );
}

interface DetailProps {
  readonly namespace: string;
  readonly hook: string;
  readonly state: LetterState;
  readonly steers: boolean;
}

function Detail({ namespace, hook, state, steers }: DetailProps) {
  const asked = useApi<WebhooksShape>(`/webhooks${query({ namespace, match: `${namespace}/${hook}` })}`);
  const { data, error, again } = asked;
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const found = data.webhooks.find((each) => each.hook === hook);
  return (
    <>
      <p>
        <Link to="/webhooks">All webhooks</Link>
      </p>
      <h2 class="text">{nameOf({ namespace, hook })}</h2>
      <Problem words={error} />
      {found === undefined ? (
        <Empty busy={false}>There is no such webhook any more, and nothing that it gave up.</Empty>
      ) : (
        <Facts {...found} />
      )}
      <nav class="tabs" aria-label="Which events">
        {(["dead", "waiting"] as const).map((each) => (
          <Link key={each} to={placeOf({ namespace, hook }, each)} current={each === state}>
            {each === "dead" ? "Given up" : "Wait for another try"} ({count(found?.[each] ?? 0)})
          </Link>
        ))}
      </nav>
      <Letters key={state} {...{ namespace, hook, state, steers }} most={found?.dead ?? 0} onDone={again} />
    </>
  );
}

function Facts(hook: WebhookShape) {
  const { declared } = hook;
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>
        <Fares {...hook} />
      </dd>
      {declared === undefined ? null : (
        <>
          <dt>Receiver</dt>
          <dd>{declared.host}</dd>
          <dt>Told of</dt>
          <dd>{declared.events.length === 0 ? "every kind of event" : declared.events.join(", ")}</dd>
        </>
      )}
      <dt>Declared by</dt>
      <dd>
        <Declared {...hook} />
      </dd>
    </dl>
  );
}
