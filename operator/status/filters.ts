/**
 * What a domain's status says of the content filters that look at its mail: by what gateways found when messages came.
 */
import { no, type Verdict, yes } from "./conditions.ts";

export interface FilterFacts {
  readonly failing: readonly {
    readonly name: string;
    readonly onFailure: "Defer" | "Accept";
    readonly pods: number;
    readonly of: number;
  }[];
}

const type = "FiltersAnswer";

export function filtersVerdict({ failing }: FilterFacts): Verdict {
  if (failing.length === 0)
    return yes(type, "NoFault", "no gateway finds that a content filter does not answer");
  return no(type, "FilterFails", failing.map(sentence).join("; "));
}

const sentence = ({ name, onFailure, pods, of }: FilterFacts["failing"][number]): string => {
  const mail =
    onFailure === "Defer"
      ? "what it should see is put off (451)"
      : "what it should see is taken without it, and says so";
  return `filter ${name} does not answer ${pods} of ${of} gateways, whose log says why: ${mail}`;
};
