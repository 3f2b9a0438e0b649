/** Stopping something for a while, and letting it go on: the question, with a reason for colleagues, and how it is shown. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { tell } from "../api.ts";
import { useOrder } from "../hooks.ts";
import { moment } from "../words.ts";
import { Field, Said, State } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";

export interface Suspended {
  readonly since: number;
  readonly reason: string;
}

/** What can be suspended, and how the API is told. */
export interface Suspendable {
  /** In the sentence "… is suspended". */
  readonly name: string;
  readonly suspended?: Suspended | undefined;
  /** Where the orders go: `suspend` and `resume` below it. */
  readonly path: string;
  /** What the orders say besides the reason. */
  readonly body?: object;
}

export const SuspendedState = ({ since, reason }: Suspended) => (
  <>
    <State of="suspended" />
    <p class="note">
      since {moment(since)}
      {reason === "" ? "" : `: ${reason}`}
    </p>
  </>
);

/** What a page asks before it suspends or resumes, and the buttons that lead there. */
export function useSuspending(again: () => void, consequence: ComponentChildren) {
  const [asked, setAsked] = useState<Suspendable>();
  const { busy, said, run } = useOrder();
  const order = ({ name, suspended, path, body }: Suspendable, reason: string) =>
    run(async () => {
      await tell(`${path}/${suspended ? "resume" : "suspend"}`, suspended ? body : { ...body, reason });
      return `${name} ${suspended ? "goes on" : "is suspended"}.`;
    }).then(() => {
      setAsked(undefined);
      again();
    });
  const button = (what: Suspendable) => (
    <button
      type="button"
      class="small"
      disabled={busy}
      aria-label={`${verbOf(what)} ${what.name}`}
      onClick={() => setAsked(what)}
    >
      {verbOf(what)}
    </button>
  );
  const dialog =
    asked === undefined ? null : (
      <Ask
        what={asked}
        consequence={consequence}
        busy={busy}
        onConfirm={(reason) => void order(asked, reason)}
        onClose={() => setAsked(undefined)}
      />
    );
  return { button, dialog, said: <Said said={said} /> };
}

const verbOf = ({ suspended }: Suspendable): string => (suspended ? "Resume" : "Suspend");

interface AskProps {
  readonly what: Suspendable;
  readonly consequence: ComponentChildren;
  readonly busy: boolean;
  readonly onConfirm: (reason: string) => void;
  readonly onClose: () => void;
}

function Ask({ what, consequence, busy, onConfirm, onClose }: AskProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={`${verbOf(what)} ${what.name}`}
      confirm={verbOf(what)}
      busy={busy}
      onConfirm={() => onConfirm(reason)}
      onClose={onClose}
    >
      {what.suspended ? (
        <p>What waits is sent again, as its sites allow.</p>
      ) : (
        <>
          <p>{consequence}</p>
          <Field name="reason" label="Why, for your colleagues" value={reason} onInput={setReason} />
        </>
      )}
    </Dialog>
  );
}
