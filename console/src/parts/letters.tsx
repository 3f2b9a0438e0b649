/** Events that a webhook was not told of: looked at page by page, sent again, forgotten. */
import { useState } from "preact/hooks";
import type { LetterShape, LettersShape } from "../../../daemon/api/contract/webhooks.ts";
import { query, tell } from "../api.ts";
import { useApi, useOrder } from "../hooks.ts";
import { count, from, plural } from "../words.ts";
import { Empty, Link, Problem, Said } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import { ChooseAll, PageButtons, useChoice, usePages } from "./paged.tsx";
import { numbers, Table } from "./table.tsx";

export interface LettersProps {
  readonly namespace: string;
  readonly hook: string;
  readonly state: LetterShape["state"];
  readonly steers: boolean;
  /** How many there are, as far as it was looked. */
  readonly most: number;
  readonly onDone: () => void;
}

export function Letters({ namespace, hook, state, steers, most, onDone }: LettersProps) {
  const pages = usePages();
  const { after } = pages;
  const choice = useChoice(pages);
  const { data, error, busy, again } = useApi<LettersShape>(
    `/webhooks/letters${query({ namespace, hook, state, after, limit: 50 })}`,
  );
  if (data === undefined) return error ? <Problem words={error} /> : <Empty busy>…</Empty>;
  const { letters, after: next } = data;
  const some = letters.filter(({ event }) => choice.has(event.id));
  const done = () => {
    choice.set([]);
    pages.restart();
    again();
    onDone();
  };
  const all = <ChooseAll of="event" ids={letters.map(({ event }) => event.id)} choice={choice} />;
  return (
    <>
      <Problem words={error} />
      <p>
        <button type="button" class="small" disabled={busy} onClick={again}>
          Look again
        </button>
      </p>
      {steers ? <LetterOrders {...{ namespace, hook, state, some, most, onDone: done }} /> : null}
      {letters.length === 0 ? (
        <Empty busy={busy}>{state === "dead" ? "It gave up nothing." : "Nothing waits for it."}</Empty>
      ) : (
        <Table
          label="Events"
          heads={[
            ...(steers ? [{ name: "Choose", head: all }] : []),
            "Event",
            "Recipient",
            state === "dead" ? "Given up" : "Next try",
            ...numbers("Tries"),
            "Why",
          ]}
        >
          {letters.map((letter) => (
            <Row
              key={letter.event.id}
              letter={letter}
              steers={steers}
              isChosen={choice.has(letter.event.id)}
              onToggle={() => choice.toggle(letter.event.id)}
            />
          ))}
        </Table>
      )}
      <PageButtons of="events" pages={pages} next={next} />
    </>
  );
}

const kindOf = ({ event }: LetterShape): string => event.type.replace(/^message\./, "");

interface RowProps {
  readonly letter: LetterShape;
  readonly steers: boolean;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}

function Row({ letter, steers, isChosen, onToggle }: RowProps) {
  const { event, attempts, at, next, why } = letter;
  const { message, recipient } = event.data;
  return (
    <tr>
      {steers ? (
        <td>
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Choose ${kindOf(letter)} of ${message}`}
            onChange={onToggle}
          />
        </td>
      ) : null}
      <td>
        <Link to={`/message${query({ id: message })}`}>{kindOf(letter)}</Link>
      </td>
      <td class="text">{recipient ?? "–"}</td>
      <td class="when">{from(at ?? next ?? 0, Date.now())}</td>
      <td class="number">{count(attempts)}</td>
      <td class="text">{why}</td>
    </tr>
  );
}

type Action = "again" | "drop";

const meaning: Readonly<Record<Action, readonly [name: string, what: string]>> = {
  again: ["Send again", "They are sent at once, and if that fails tried again as long as the hook says."],
  drop: ["Forget", "The receiver is never told of them. This cannot be taken back."],
};

interface OrdersProps extends Pick<LettersProps, "namespace" | "hook" | "state" | "most" | "onDone"> {
  /** Those that were chosen; none: all that were given up. */
  readonly some: readonly LetterShape[];
}

function LetterOrders({ namespace, hook, state, some, most, onDone }: OrdersProps) {
  const [action, setAction] = useState<Action>();
  const { busy, said, run } = useOrder();
  const isAll = some.length === 0;
  const many = isAll ? most : some.length;
  // What waits is tried again by itself, so there is nothing to order of all of it.
  const actions = state === "dead" ? (["again", "drop"] as const) : (["again"] as const);
  const none = many === 0 || (isAll && state === "waiting");
  const order = (what: Action) =>
    run(async () => {
      const events = isAll ? {} : { events: some.map(({ event }) => event.id) };
      const body = { action: what, namespace, hook, ...events, atMost: many };
      const { changed, gone } = await tell<{ changed: number; gone: number }>("/webhooks/orders", body);
      const rest = gone > 0 ? `; ${count(gone)} were done meanwhile` : "";
      return `${meaning[what][0]}: ${plural(changed, "event")}${rest}.`;
    }).then(() => {
      setAction(undefined);
      onDone();
    });
  return (
    <div class="steer">
      <span>{wordsOf(isAll, state, many)}</span>
      <fieldset class="buttons">
        <legend class="hidden">Orders</legend>
        {actions.map((each) => (
          <button key={each} type="button" disabled={none || busy} onClick={() => setAction(each)}>
            {meaning[each][0]}
          </button>
        ))}
      </fieldset>
      <Said said={said} />
      {action === undefined ? null : (
        <Dialog
          title={`${meaning[action][0]}: ${hook}`}
          confirm={`${meaning[action][0]}: ${plural(many, "event")}`}
          tone={action === "drop" ? "bad" : "plain"}
          busy={busy}
          onConfirm={() => void order(action)}
          onClose={() => setAction(undefined)}
        >
          <p>{meaning[action][1]}</p>
          <p>
            {isAll
              ? `Everything that it gave up: ${plural(many, "event")}.`
              : some
                  .slice(0, 5)
                  .map((letter) => `${kindOf(letter)} (${letter.event.data.recipient ?? "nobody"})`)
                  .join(", ")}
            {!isAll && many > 5 ? ` and ${count(many - 5)} more` : ""}
          </p>
        </Dialog>
      )}
    </div>
  );
}

function wordsOf(isAll: boolean, state: LetterShape["state"], many: number): string {
  if (!isAll) return `${plural(many, "event")} chosen:`;
  return state === "dead" ? "All that it gave up:" : "Choose what to send at once:";
}
