/** One field that says what a page is to show: it writes itself into the address, so that a view can be sent on. */
import { useState } from "preact/hooks";
import { go } from "../hooks.ts";
import { Field } from "./basics.tsx";

export interface SearchProps {
  /** For screen readers: what the form chooses. */
  readonly what: string;
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
  /** What is shown now. */
  readonly value: string;
  /** The view's address; what was written comes without white space around it. */
  readonly to: (text: string) => string;
}

export function Search({ what, name, label, placeholder, value, to }: SearchProps) {
  const [text, setText] = useState(value);
  return (
    <form
      class="filter"
      aria-label={what}
      onSubmit={(event) => {
        event.preventDefault();
        go(to(text.trim()));
      }}
    >
      <Field name={name} label={label} placeholder={placeholder} value={text} onInput={setText} />
      <div class="buttons">
        <button type="submit" class="main">
          Show
        </button>
      </div>
    </form>
  );
}
