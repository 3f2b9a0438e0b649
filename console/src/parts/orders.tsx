/** Orders to jobs: first what they would touch, then, when somebody says so, page by page until all are done. */
import { useEffect, useState } from "preact/hooks";
import type { OrderShape } from "../../../daemon/api/contract/queue.ts";
import type { PreviewShape } from "../../../daemon/api/routes/queue.ts";
import type { JobShape } from "../../../daemon/api/shapes.ts";
import { tell } from "../api.ts";
import { useOrder } from "../hooks.ts";
import { count, plural } from "../words.ts";
import { Field, Problem, Said } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import type { Filter } from "./filter.tsx";

export type Action = "retry" | "hold" | "release" | "bounce";

const meaning: Readonly<Record<Action, readonly [name: string, what: string]>> = {
  retry: ["Retry", "They are tried now, also where a site is in a back-off."],
  hold: ["Hold", "They are not tried until somebody releases them. Their lifetime goes on."],
  release: ["Release", "They are tried again when their time comes."],
  bounce: ["Bounce", "They are given up, and their senders are told. This cannot be taken back."],
};

export type Choice = { readonly jobs: readonly JobShape[] } | { readonly filter: Filter };

export function Orders({ choice, onDone }: { readonly choice: Choice; readonly onDone: () => void }) {
  const [action, setAction] = useState<Action>();
  const { busy, said, run } = useOrder();
  const none = "jobs" in choice && choice.jobs.length === 0;
  return (
    <>
      <fieldset class="buttons">
        <legend class="hidden">Orders</legend>
        {(Object.keys(meaning) as Action[]).map((each) => (
          <button key={each} type="button" disabled={none || busy} onClick={() => setAction(each)}>
            {meaning[each][0]}
          </button>
        ))}
      </fieldset>
      <Said said={said} />
      {action === undefined ? null : (
        <Confirm
          action={action}
          choice={choice}
          busy={busy}
          onClose={() => setAction(undefined)}
          onConfirm={(atMost, reason) =>
            void run(() => carryOut(action, choice, atMost, reason)).then(() => {
              setAction(undefined);
              onDone();
            })
          }
        />
      )}
    </>
  );
}

interface ConfirmProps {
  readonly action: Action;
  readonly choice: Choice;
  readonly busy: boolean;
  readonly onClose: () => void;
  readonly onConfirm: (atMost: number, reason: string) => void;
}

function Confirm({ action, choice, busy, onClose, onConfirm }: ConfirmProps) {
  const [preview, setPreview] = useState<PreviewShape>();
  const [problem, setProblem] = useState<string>();
  const [reason, setReason] = useState("");
  useEffect(() => {
    if ("jobs" in choice)
      return setPreview({ matching: choice.jobs.length, exact: true, sample: choice.jobs });
    tell<PreviewShape>("/queue/preview", choice.filter).then(setPreview, (error: Error) =>
      setProblem(error.message),
    );
  }, []);
  const [name, what] = meaning[action];
  const matching = preview?.matching ?? 0;
  const more = preview && !preview.exact ? "at least " : "";
  return (
    <Dialog
      title={`${name} jobs`}
      confirm={`${name} ${more}${plural(matching, "job")}`}
      tone={action === "bounce" ? "bad" : "plain"}
      busy={busy || (preview === undefined && problem === undefined)}
      disabled={matching === 0}
      onConfirm={() => onConfirm(matching, reason)}
      onClose={onClose}
    >
      <p>{what}</p>
      <Problem words={problem} />
      {preview === undefined ? null : <Sample {...preview} />}
      {action === "bounce" ? (
        <Field name="reason" label="What senders are told" value={reason} onInput={setReason} />
      ) : null}
    </Dialog>
  );
}

function Sample({ matching, exact, sample }: PreviewShape) {
  const shown = sample.slice(0, 5);
  return (
    <>
      <p>
        <b>
          {exact ? "" : "At least "}
          {plural(matching, "job")}
        </b>{" "}
        will be touched
        {exact
          ? "."
          : ": only some of the queue could be looked at. Say more in the filter, or do it in parts."}
      </p>
      <ul>
        {shown.map(({ key, recipients, destination, state }) => (
          <li key={key}>
            {recipients[0] ?? destination} ({state})
          </li>
        ))}
        {matching > shown.length ? <li>and {count(matching - shown.length)} more</li> : null}
      </ul>
    </>
  );
}

/** Server and page agree on the number: when more fit than were shown, nothing is begun. */
async function carryOut(action: Action, choice: Choice, atMost: number, reason: string): Promise<string> {
  const order = { action, atMost, ...(action === "bounce" ? { reason } : {}) };
  const total = { changed: 0, gone: 0, busy: 0 };
  const add = (done: OrderShape) => {
    for (const name of ["changed", "gone", "busy"] as const) total[name] += done[name];
    return done.after;
  };
  if ("jobs" in choice)
    add(await tell<OrderShape>("/queue/orders", { ...order, keys: choice.jobs.map(({ key }) => key) }));
  else
    for (let after: string | undefined, begun = false; !begun || after !== undefined; begun = true)
      after = add(
        await tell<OrderShape>("/queue/orders", {
          ...order,
          filter: choice.filter,
          ...(after === undefined ? {} : { after }),
        }),
      );
  const rest = [
    ...(total.gone > 0 ? [`${count(total.gone)} were done meanwhile`] : []),
    ...(total.busy > 0 ? [`${count(total.busy)} were busy: order it again`] : []),
  ];
  return `${meaning[action][0]}: ${plural(total.changed, "job")}${rest.length > 0 ? `; ${rest.join("; ")}` : ""}.`;
}
