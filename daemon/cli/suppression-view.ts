/**
 * How `postfleet suppression` shows an entry to people. Pure.
 *
 * In:     an entry of the list. What strangers wrote into it (addresses, replies of other hosts) is shown as one line, and
 *         cannot steer a terminal.
 * Out:    `entryLine` for lists, columns with tabs between them; `entryLines` with everything there is.
 */
import type { SuppressedShape } from "../api/contract/suppression.ts";
import { oneLine } from "../mail/text.ts";

const longest = 500;

export function entryLine(entry: SuppressedShape): string {
  const { namespace, address, until, text: about } = entry;
  const columns = [namespace, address, whyOf(entry), when(until), about || "-"];
  return columns.map((text) => oneLine(text, longest)).join("\t");
}

export function entryLines(entry: SuppressedShape): string[] {
  const { namespace, address, watched, at, until, text, message } = entry;
  const rows: (readonly [name: string, text: string])[] = [
    ["address", `<${address}> for namespace ${namespace}`],
    [
      "state",
      watched === undefined
        ? `gets nothing until ${when(until)}`
        : `still gets mail, after ${watched} refusal${watched === 1 ? "" : "s"}; forgotten ${when(until)}`,
    ],
    ["why", whyOf(entry)],
    ["since", when(at)],
  ];
  if (text !== "") rows.push(["about", text]);
  if (message !== undefined) rows.push(["message", `${message} (postfleet trace ${message})`]);
  return rows.map(([name, told]) => `${name.padEnd(8)} ${oneLine(told, longest)}`);
}

function whyOf({ by, bounce, watched }: SuppressedShape): string {
  const about = bounce === undefined ? by : `${by} ${bounce}`;
  return watched === undefined ? about : `${about} (watched)`;
}

const when = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
