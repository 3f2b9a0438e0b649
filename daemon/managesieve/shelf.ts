/**
 * A user's scripts, as ManageSieve changes them: one change at a time, on the newest set.
 *
 * Out:    `undefined`: done; or why not, with the response code.
 * Fails:  `StoreUnavailable` passes.
 * Spec:   RFC 5804 §2.5–§2.11; names §1.6.
 */
import type { ScriptSet, ScriptStore } from "../mailbox/scripts.ts";
import { type MailboxName, StoreUnavailable } from "../mailbox/store.ts";
import { limits as sieveLimits } from "../sieve/fault.ts";

export interface Refusal {
  readonly code?: string;
  readonly text: string;
}

/** Fits into one record of the store. */
const shelfLimits = Object.freeze({
  scripts: 20,
  scriptOctets: sieveLimits.scriptOctets,
  octets: 512 << 10,
});
const tries = 8;

const missing: Refusal = { code: "NONEXISTENT", text: "There is no script of that name" };

/** RFC 5804 §1.6: no controls, and a length that people can read. */
export const isName = (name: string): boolean =>
  name !== "" && [...name].length <= 128 && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name);

export class Shelf {
  readonly #store: Pick<ScriptStore, "scripts" | "replaceScripts">;
  readonly #mailbox: MailboxName;

  constructor(store: Pick<ScriptStore, "scripts" | "replaceScripts">, mailbox: MailboxName) {
    this.#store = store;
    this.#mailbox = mailbox;
  }

  set(): Promise<ScriptSet> {
    return this.#store.scripts(this.#mailbox);
  }

  /** Whether a script of this size would find its place. */
  async room(name: string, octets: number): Promise<Refusal | undefined> {
    return roomIn((await this.set()).scripts, name, octets);
  }

  put(name: string, text: string): Promise<Refusal | undefined> {
    return this.#change(({ scripts, active }) => {
      const refusal = roomIn(scripts, name, Buffer.byteLength(text));
      return refusal ?? { scripts: new Map([...scripts, [name, text]]), active };
    });
  }

  /** "" makes none active. */
  activate(name: string): Promise<Refusal | undefined> {
    return this.#change(({ scripts }) => {
      if (name === "") return { scripts, active: undefined };
      return scripts.has(name) ? { scripts, active: name } : missing;
    });
  }

  remove(name: string): Promise<Refusal | undefined> {
    return this.#change(({ scripts, active }) => {
      if (!scripts.has(name)) return missing;
      if (active === name) return { code: "ACTIVE", text: "The active script cannot be deleted" };
      return { scripts: new Map([...scripts].filter(([other]) => other !== name)), active };
    });
  }

  rename(from: string, to: string): Promise<Refusal | undefined> {
    return this.#change(({ scripts, active }) => {
      if (!scripts.has(from)) return missing;
      if (scripts.has(to)) return { code: "ALREADYEXISTS", text: "There is a script of that name already" };
      const renamed = [...scripts].map(([name, text]) => [name === from ? to : name, text] as const);
      return { scripts: new Map(renamed), active: active === from ? to : active };
    });
  }

  async #change(plan: (set: ScriptSet) => ScriptSet | Refusal): Promise<Refusal | undefined> {
    for (let i = 0; i < tries; i++) {
      const now = await this.#store.scripts(this.#mailbox);
      const next = plan(now);
      if ("text" in next) return next;
      if (await this.#store.replaceScripts(this.#mailbox, next, now.revision)) return undefined;
    }
    throw new StoreUnavailable("the scripts are being changed elsewhere");
  }
}

function roomIn(scripts: ReadonlyMap<string, string>, name: string, octets: number): Refusal | undefined {
  if (octets > shelfLimits.scriptOctets)
    return { code: "QUOTA/MAXSIZE", text: `A script has at most ${shelfLimits.scriptOctets} octets` };
  if (!scripts.has(name) && scripts.size >= shelfLimits.scripts)
    return { code: "QUOTA/MAXSCRIPTS", text: `There is room for ${shelfLimits.scripts} scripts` };
  let total = octets;
  for (const [other, text] of scripts) if (other !== name) total += Buffer.byteLength(text);
  return total > shelfLimits.octets
    ? { code: "QUOTA", text: `All scripts together have at most ${shelfLimits.octets} octets` }
    : undefined;
}
