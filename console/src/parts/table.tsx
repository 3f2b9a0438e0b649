/**
 * A table that can be read anywhere: scrolled by itself where it is wide, by keyboard too; on a phone every row is a card whose
 * values stand behind the names of their columns.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface Column {
  /** Unique; what screen readers and phones say. */
  readonly name: string;
  readonly isNumber?: boolean;
  /** Shown instead of the name. */
  readonly head?: ComponentChildren;
}

/** A name alone is a column of text. */
export type Head = string | Column;

/** Columns of numbers. */
export const numbers = (...names: readonly string[]): readonly Column[] =>
  names.map((name) => ({ name, isNumber: true }));

export interface TableProps {
  readonly label: string;
  readonly heads: readonly Head[];
  /** Rows of `td`, one for each head. */
  readonly children: ComponentChildren;
}

export function Table({ label, heads, children }: TableProps) {
  const table = useRef<HTMLTableElement>(null);
  const columns = heads.map((head): Column => (typeof head === "string" ? { name: head } : head));
  // Rows come from pages, which need not know how a phone shows them.
  useEffect(() => {
    if (table.current) describe(table.current, columns);
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table ref={table} aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, head }) => (
              <th key={name} scope="col" class={isNumber ? "number" : undefined}>
                {head ?? name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

/** What is laid out as cards is a table to screen readers only as long as that is said. */
function describe(table: HTMLTableElement, columns: readonly Column[]): void {
  table.setAttribute("role", "table");
  for (const part of table.querySelectorAll("thead, tbody")) part.setAttribute("role", "rowgroup");
  for (const row of table.rows) {
    row.setAttribute("role", "row");
    for (const [i, cell] of [...row.cells].entries()) {
      cell.setAttribute("role", cell.tagName === "TH" ? "columnheader" : "cell");
      cell.dataset["label"] = columns[i]?.name ?? "";
    }
  }
}
