/** Which jobs are meant: a form that writes itself into the address, so that a view can be sent to a colleague. */
import { useEffect, useState } from "preact/hooks";
import { query } from "../api.ts";
import { go, type Place } from "../hooks.ts";
import { Choose, Field } from "./basics.tsx";

const filterNames = [
  "destination",
  "state",
  "class",
  "policy",
  "sender",
  "recipient",
  "reason",
  "message",
] as const;
export type FilterName = (typeof filterNames)[number];
export type Filter = Readonly<Partial<Record<FilterName, string>>>;

export function filterOf({ query: asked }: Place): Filter {
  const filter: Partial<Record<FilterName, string>> = {};
  for (const name of filterNames) {
    const value = asked.get(name)?.trim();
    if (value) filter[name] = value;
  }
  return filter;
}

/** Asked for less often, so they do not stand before everything else on a phone. */
const seldom = ["sender", "recipient", "reason", "message", "class"] as const;
const states = ["ready", "deferred", "held", "paused", "active"] as const;

export function FilterForm({ filter, view }: { readonly filter: Filter; readonly view: string }) {
  const [fields, setFields] = useState<Filter>(filter);
  const text = JSON.stringify(filter);
  useEffect(() => setFields(JSON.parse(text) as Filter), [text]);
  const set = (name: FilterName) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  const field = (name: FilterName, label: string, placeholder: string) => (
    <Field
      name={name}
      label={label}
      placeholder={placeholder}
      value={fields[name] ?? ""}
      onInput={set(name)}
    />
  );
  return (
    <form
      class="filter"
      aria-label="Which jobs"
      onSubmit={(event) => {
        event.preventDefault();
        go(`/queue${query({ ...fields, view })}`);
      }}
    >
      {field("destination", "Destination", "*.example.net")}
      <Choose name="state" label="State" value={fields.state ?? ""} options={states} onInput={set("state")} />
      {field("policy", "Policy", "namespace/name")}
      <div class="buttons">
        <button type="button" onClick={() => go(`/queue${query({ view })}`)}>
          All
        </button>
        <button type="submit" class="main">
          Show
        </button>
      </div>
      <details open={seldom.some((name) => filter[name] !== undefined)}>
        <summary>By sender, recipient, answer and more</summary>
        <div class="filter">
          {field("sender", "Sender", "*@example.org")}
          {field("recipient", "Recipient", "bob@*")}
          {field("reason", "Last answer", "451 4.7.1 *")}
          {field("message", "Message", "its id")}
          <Choose
            name="class"
            label="Class"
            value={fields.class ?? ""}
            options={["relay", "local"]}
            onInput={set("class")}
          />
        </div>
      </details>
    </form>
  );
}
