/** A list by name that is searched by a pattern and read page by page; pattern and page are part of the address. */
import type { JSX } from "preact";
import { query } from "../api.ts";
import { type Place, useApi } from "../hooks.ts";
import { plural } from "../words.ts";
import { Empty, Link, Problem } from "./basics.tsx";
import { Search } from "./search.tsx";
import { type Head, Table } from "./table.tsx";

const USUAL = 50;

export interface ListProps<Answer, Row> {
  readonly place: Place;
  /** The page's address, and the API's. */
  readonly path: string;
  /** Rows of a page. */
  readonly limit?: number;
  /** For screen readers and the count: one of them, several of them. */
  readonly names: readonly [one: string, many: string];
  readonly label: string;
  readonly placeholder: string;
  readonly heads: readonly Head[];
  readonly rowsOf: (answer: Answer) => readonly Row[];
  /** What the list is ordered by. */
  readonly nameOf: (row: Row) => string;
  /** The cells of a row. */
  readonly cells: (row: Row) => JSX.Element;
}

export function List<Answer extends { readonly matching: number }, Row>(props: ListProps<Answer, Row>) {
  const { place, path, limit = USUAL, names, label, placeholder, heads, rowsOf, nameOf, cells } = props;
  const match = place.query.get("match") ?? undefined;
  const after = place.query.get("after") ?? undefined;
  const { data, error, busy } = useApi<Answer>(`${path}${query({ match, after, limit })}`);
  const rows = data === undefined ? [] : rowsOf(data);
  const last = rows.at(-1);
  return (
    <>
      <Search
        what={`Which ${names[1]}`}
        name="match"
        label={label}
        placeholder={placeholder}
        value={match ?? ""}
        to={(text) => `${path}${query({ match: text })}`}
      />
      <Problem words={error} />
      {data === undefined ? (
        <Empty busy={busy}>…</Empty>
      ) : (
        <p class="count">{plural(data.matching, ...names)}</p>
      )}
      {rows.length === 0 ? null : (
        <Table label={names[1]} heads={heads}>
          {rows.map((row) => (
            <tr key={nameOf(row)}>{cells(row)}</tr>
          ))}
        </Table>
      )}
      <nav class="buttons" aria-label={`Pages of ${names[1]}`}>
        {after === undefined ? null : <Link to={`${path}${query({ match })}`}>First page</Link>}
        {rows.length < limit || last === undefined ? null : (
          <Link to={`${path}${query({ match, after: nameOf(last) })}`}>Next page</Link>
        )}
      </nav>
    </>
  );
}
