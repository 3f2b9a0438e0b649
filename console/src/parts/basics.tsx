/** Small parts of every page: links, states, fields, what went wrong. */
import { type ComponentChildren, Fragment } from "preact";
import { useId, useState } from "preact/hooks";
import { go } from "../hooks.ts";

interface Children {
  readonly children: ComponentChildren;
}

export function Link({
  to,
  current,
  children,
}: { readonly to: string; readonly current?: boolean } & Children) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={follow} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}

const tones: Readonly<Record<string, string>> = {
  ok: "good",
  Ok: "good",
  signing: "good",
  delivered: "good",
  accepted: "good",
  lacking: "bad",
  Missing: "bad",
  Different: "bad",
  failed: "bad",
  expired: "bad",
  deferred: "warn",
  held: "warn",
  paused: "warn",
  waiting: "warn",
  suspended: "warn",
  slowed: "warn",
  "back-off": "warn",
  "on trial": "warn",
  "would wait": "warn",
  unknown: "warn",
  removed: "plain",
  failing: "bad",
  ended: "bad",
  "would bounce": "bad",
  refused: "bad",
};

/** A state in words, with a colour beside. */
export const State = ({ of, tone }: { readonly of: string; readonly tone?: "plain" }) => (
  <span class={`state ${tone ?? tones[of] ?? "plain"}`}>{of}</span>
);

/** A name that may be broken before its dots and colons and nowhere else. */
export const Dotted = ({ name }: { readonly name: string }) => (
  <>
    {name.split(/(?=[.:])/).map((part, i) => (
      <Fragment key={i}>
        {part}
        <wbr />
      </Fragment>
    ))}
  </>
);

export function Problem({ words }: { readonly words: string | undefined }) {
  return words === undefined ? null : (
    <p class="problem" role="alert">
      {words}
    </p>
  );
}

export function Said({
  said,
}: {
  readonly said: { readonly kind: "done" | "failed"; readonly words: string } | undefined;
}) {
  if (said === undefined) return null;
  return said.kind === "failed" ? <Problem words={said.words} /> : <output class="done">{said.words}</output>;
}

export function Empty({ busy, children }: { readonly busy: boolean } & Children) {
  return <p class="empty">{busy ? "Looking …" : children}</p>;
}

/** What an answer lacks, said so that nobody takes it for the whole. */
export function Lacking({
  missing,
  unread,
}: {
  readonly missing: readonly string[];
  readonly unread?: readonly string[];
}) {
  if (missing.length === 0 && (unread ?? []).length === 0) return null;
  return (
    <p class="problem" role="alert">
      {missing.length > 0 ? `Not answering, so these figures are too small: ${missing.join(", ")}. ` : ""}
      {(unread ?? []).length > 0
        ? `Not read as a whole, since nobody works on them: ${unread?.join(", ")}.`
        : ""}
    </p>
  );
}

export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState<string>();
  const copy = async () => {
    // Without TLS, elsewhere than on this machine, a browser gives pages no clipboard.
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(done ? "Copied" : "The browser does not allow it");
    setTimeout(() => setSaid(undefined), 2_000);
  };
  return (
    <button type="button" class="small" onClick={() => void copy()} aria-label={`Copy ${what}`}>
      {said ?? "Copy"}
    </button>
  );
}

export interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly placeholder?: string | undefined;
  /** Not shown while it is typed. */
  readonly isSecret?: boolean;
}

export function Field({ name, label, value, onInput, placeholder, isSecret }: FieldProps) {
  const id = useId();
  const common = {
    id,
    name,
    value,
    placeholder: placeholder ?? "",
    autocomplete: "off",
    autocapitalize: "off" as const,
    spellcheck: false,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => onInput(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {isSecret ? <input type="password" {...common} /> : <input type="text" {...common} />}
    </div>
  );
}

export function Choose({
  name,
  label,
  value,
  options,
  onInput,
}: Omit<FieldProps, "placeholder" | "isSecret"> & { readonly options: readonly string[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} value={value} onInput={(event) => onInput(event.currentTarget.value)}>
        <option value="">any</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </div>
  );
}
