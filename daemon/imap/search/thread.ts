/**
 * THREAD=ORDEREDSUBJECT and THREAD=REFERENCES.
 *
 * In:     messages with the ids that link them, already found by the search.
 * Out:    trees of numbers, oldest thread first; in short turns, however many messages there are.
 * Spec:   RFC 5256 §3, §4 (the grammar of the answer). Depth is kept off the stack: a thread may be as deep as the
 *         folder is long.
 */
import type { Pace } from "../pace.ts";
import { pacedSort } from "../paced-sort.ts";

export interface Threadable {
  /** The message's number or UID, as it is told. */
  readonly number: number;
  readonly id: string | undefined;
  /** Ids of ancestors, oldest first. */
  readonly references: readonly string[];
  readonly subject: string;
  readonly isReply: boolean;
  /** ms since the epoch */
  readonly sentAt: number;
}

export interface Node {
  /** Absent: a message that is spoken of and not here. */
  message: Threadable | undefined;
  parent: Node | undefined;
  readonly children: Set<Node>;
}

const node = (message?: Threadable): Node => ({ message, parent: undefined, children: new Set() });

export async function byOrderedSubject(messages: readonly Threadable[], pace: Pace): Promise<Node[]> {
  const threads = new Map<string, Node>();
  await pace.each(await pacedSort(messages, byDate, pace), (message) => {
    const root = threads.get(message.subject);
    if (root === undefined) threads.set(message.subject, node(message));
    else adopt(root, node(message));
  });
  return [...threads.values()];
}

const byDate = (a: Threadable, b: Threadable) => a.sentAt - b.sentAt || a.number - b.number;

export async function byReferences(messages: readonly Threadable[], pace: Pace): Promise<Node[]> {
  const nodes = await link(messages, pace);
  const roots = await prune(
    [...nodes].filter(({ parent }) => parent === undefined),
    pace,
  );
  return order(await mergeSubjects(await byAge(roots, pace), pace), pace);
}

/** Steps 1 and 2: every message below the last message that it refers to. */
async function link(messages: readonly Threadable[], pace: Pace): Promise<Set<Node>> {
  const byId = new Map<string, Node>();
  const all = new Set<Node>();
  const named = (id: string): Node => {
    const found = byId.get(id) ?? node();
    byId.set(id, found);
    all.add(found);
    return found;
  };
  await pace.each(messages, (message) => {
    let own = message.id === undefined ? node() : named(message.id);
    // A second message of the same id counts as one without id. RFC 5256 §3
    if (own.message !== undefined) own = node();
    own.message = message;
    all.add(own);
    let before: Node | undefined;
    for (const id of message.references) {
      const next = named(id);
      if (before && next.parent === undefined && !isBelow(before, next)) adopt(before, next);
      before = next;
    }
    detach(own);
    if (before && !isBelow(before, own)) adopt(before, own);
  });
  return all;
}

/** Is `one` the other, or below it? */
function isBelow(one: Node, other: Node): boolean {
  if (one === other) return true;
  if (other.children.size === 0) return false; // so a long chain is not climbed for each of its messages
  for (let up: Node | undefined = one; up; up = up.parent) if (up === other) return true;
  return false;
}

function adopt(parent: Node, child: Node): void {
  detach(child);
  child.parent = parent;
  parent.children.add(child);
}

function detach(child: Node): void {
  child.parent?.children.delete(child);
  child.parent = undefined;
}

/** Step 3: what is not here goes, and its children take its place; at the top only an only child does. */
async function prune(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  for (const each of await postorder(roots, pace)) {
    const { parent, children, message } = each;
    if (message !== undefined || parent === undefined) continue;
    await pace.each([...children], (child) => adopt(parent, child));
    detach(each);
  }
  const left: Node[] = [];
  await pace.each(roots, (root) => {
    const [only] = root.children;
    if (root.message !== undefined || root.children.size > 1) left.push(root);
    else if (only) {
      detach(only);
      left.push(only);
    }
  });
  return left;
}

async function postorder(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  const found: Node[] = [];
  const open = [...roots];
  for (let next = open.pop(); next; next = open.pop()) {
    found.push(next);
    for (const child of next.children) open.push(child);
    if (pace.due) await pace.rest();
  }
  return found.reverse();
}

function subjectOf({ message, children }: Node): Threadable | undefined {
  const [first] = children;
  return message ?? first?.message;
}

const dateOf = (each: Node): Threadable => (each.message ?? earliest(each)) as Threadable;

function earliest({ children }: Node): Threadable | undefined {
  let first: Threadable | undefined;
  for (const { message } of children) if (message && (!first || byDate(message, first) < 0)) first = message;
  return first;
}

async function byAge(nodes: Iterable<Node>, pace: Pace): Promise<Node[]> {
  const dated: { readonly node: Node; readonly date: Threadable }[] = [];
  await pace.each(nodes, (each) => void dated.push({ node: each, date: dateOf(each) }));
  const rising = await pacedSort(dated, (a, b) => byDate(a.date, b.date), pace);
  return rising.map((each) => each.node);
}

/** Step 5: threads of one subject are one, where a reply lost its references. */
async function mergeSubjects(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  const bySubject = new Map<string, Node>();
  await pace.each(roots, (root) => {
    const told = subjectOf(root);
    if (told === undefined || told.subject === "") return;
    const known = bySubject.get(told.subject);
    const better =
      known !== undefined &&
      ((root.message === undefined && known.message !== undefined) ||
        (known.message?.isReply === true && root.message?.isReply === false));
    if (known === undefined || better) bySubject.set(told.subject, root);
  });
  const kept = new Set(roots);
  await pace.each(roots, (root) => {
    const first = bySubject.get(subjectOf(root)?.subject ?? "");
    if (first === undefined || first === root) return;
    kept.delete(root);
    merge(first, root, kept, bySubject);
  });
  return byAge(kept, pace);
}

function merge(first: Node, root: Node, kept: Set<Node>, bySubject: Map<string, Node>): void {
  if (first.message === undefined && root.message === undefined) {
    for (const child of [...root.children]) adopt(first, child);
  } else if (first.message === undefined || (root.message?.isReply && !first.message.isReply))
    adopt(first, root);
  else {
    // Neither answers the other: both are told below a message that is not here.
    const both = node();
    kept.delete(first);
    adopt(both, first);
    adopt(both, root);
    kept.add(both);
    bySubject.set(first.message.subject, both);
  }
}

/** Step 6: siblings by date. */
async function order(roots: Node[], pace: Pace): Promise<Node[]> {
  for (const each of await postorder(roots, pace)) {
    if (each.children.size < 2) continue;
    const children = await byAge(each.children, pace);
    each.children.clear();
    await pace.each(children, (child) => void each.children.add(child));
  }
  return roots;
}

/** `(1 2 (3)(4 5))`: an only child follows its parent, several are bracketed. RFC 5256 §4 */
export async function threadText(roots: readonly Node[], pace: Pace): Promise<string> {
  let text = "";
  const open: (Node | string)[] = [];
  for (const root of roots) {
    open.push(")", root, "(");
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (typeof next === "string") {
        text += next;
        continue;
      }
      const children = [...next.children];
      if (next.message) text += `${next.message.number}${children.length > 0 ? " " : ""}`;
      if (children.length === 1) open.push(children[0] as Node);
      else for (const child of children.reverse()) open.push(")", child, "(");
      if (pace.due) await pace.rest();
    }
  }
  return text;
}
