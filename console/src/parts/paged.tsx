/** Lists that are looked at page by page, and of which some are chosen. */
import { useEffect, useState } from "preact/hooks";

export interface Pages {
  /** Where the page that is seen begins; `undefined`: at the beginning. */
  readonly after: string | undefined;
  readonly isFirst: boolean;
  readonly back: () => void;
  readonly on: (after: string) => void;
  readonly restart: () => void;
}

export function usePages(): Pages {
  /** Where each page that was seen begins. */
  const [seen, setSeen] = useState<readonly (string | undefined)[]>([undefined]);
  return {
    after: seen.at(-1),
    isFirst: seen.length === 1,
    back: () => setSeen(seen.slice(0, -1)),
    on: (after) => setSeen([...seen, after]),
    restart: () => setSeen([undefined]),
  };
}

export interface PageButtonsProps {
  /** What the pages hold, in the plural. */
  readonly of: string;
  readonly pages: Pages;
  /** Where the next page begins; `undefined`: there is none. */
  readonly next: string | undefined;
}

export const PageButtons = ({ of, pages, next }: PageButtonsProps) => (
  <nav class="buttons" aria-label={`Pages of ${of}`}>
    <button type="button" disabled={pages.isFirst} onClick={pages.back}>
      Back
    </button>
    <button type="button" disabled={next === undefined} onClick={() => next !== undefined && pages.on(next)}>
      Next page
    </button>
  </nav>
);

export interface Choice {
  readonly has: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  readonly set: (ids: readonly string[]) => void;
}

/** Nothing is chosen on a page that was just opened. */
export function useChoice({ after }: Pages): Choice {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setChosen(new Set()), [after]);
  return {
    has: (id) => chosen.has(id),
    toggle: (id) =>
      setChosen(
        (before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]),
      ),
    set: (ids) => setChosen(new Set(ids)),
  };
}

export interface ChooseAllProps {
  /** What is chosen, in the singular. */
  readonly of: string;
  readonly ids: readonly string[];
  readonly choice: Choice;
}

export function ChooseAll({ of, ids, choice }: ChooseAllProps) {
  const areAll = ids.length > 0 && ids.every(choice.has);
  return (
    <input
      type="checkbox"
      checked={areAll}
      aria-label={`Choose every ${of} of this page`}
      onChange={() => choice.set(areAll ? [] : ids)}
    />
  );
}
