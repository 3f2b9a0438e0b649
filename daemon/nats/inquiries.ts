/**
 * Questions to those who own jobs, and to all of them together: what their schedules, sites and keys look like now.
 *
 * The road is that of the figures (`figures.ts`): who is confined to a namespace hears `figures.*.<namespace>.*` and answers
 * at `answers.<namespace>.<question>`, and asks its namespace's own daemons alone; who serves every namespace is asked at
 * `figures.inquiry._.all`, by whoever is not confined. Each says first that
 * it is there and which partitions it holds, and then what was asked, so nobody is waited for who does not exist, and what
 * nobody holds is known.
 *
 * In:     `answerInquiries`: what to say; `inquire`: a question and the namespaces whose own daemons are asked too.
 * Out:    the answers that came in time, and which members were there and did not answer; none where we may not ask.
 * Fails:  `inquire` never. An owner that cannot answer is logged where it is, and missing here.
 */
import { type Msg, nuid } from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import type { Pool } from "../queue/queue.ts";
import type { Link } from "./connect.ts";

/** Who speaks: one pool of one process. */
export interface Voice {
  readonly member: string;
  readonly pool: Pool;
  /** What it holds now. */
  readonly partitions: readonly number[];
}

export interface Said<Answer> extends Voice {
  readonly answer: Answer;
}

export interface Heard<Answer> {
  readonly said: readonly Said<Answer>[];
  /** Members that were there, and did not answer in time; or those of whom nobody knows whether they are there. */
  readonly missing: readonly string[];
}

const EVERY = "_";
const questionSubject = (namespace: string) => `figures.inquiry.${namespace}.all`;
const answerSubject = (namespace: string, id: string) => `answers.${namespace}.${id}`;

const namespaceOf = ({ policy, namespace }: Pool): string =>
  policy === undefined ? (namespace ?? EVERY) : policy.slice(0, policy.indexOf("/"));

interface Question {
  readonly id: string;
  readonly inquiry: unknown;
}

type Word = ({ readonly kind: "here" } & Voice) | { readonly kind: "answer"; readonly answer: unknown };

export interface AnswerInquiriesOptions {
  readonly link: Link;
  readonly pool: Pool;
  readonly member: string;
  readonly partitions: () => readonly number[];
  /** Throws on what it does not understand: somebody newer asks. */
  readonly answer: (inquiry: unknown) => Promise<unknown>;
  readonly log: Log;
}

/** Answers from now on, until disposed of. */
export function answerInquiries(options: AnswerInquiriesOptions): Disposable {
  const { link, pool, member, log } = options;
  const namespace = namespaceOf(pool);
  const hear = async (question: Msg) => {
    const { id, inquiry } = question.json<Question>();
    const voice = `${member} ${pool.class} ${pool.policy ?? ""}`;
    const say = (word: Word) =>
      link.nc.publish(answerSubject(namespace, id), JSON.stringify({ voice, ...word }));
    say({ kind: "here", member, pool, partitions: options.partitions() });
    say({ kind: "answer", answer: await options.answer(inquiry) });
  };
  const subscription = link.nc.subscribe(questionSubject(namespace), {
    callback: (error, question) => {
      if (error) return log.warn({ err: error }, "inquiries cannot be heard");
      hear(question).catch((fault: unknown) => log.warn({ err: fault }, "an inquiry could not be answered"));
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

export interface InquireOptions {
  readonly link: Link;
  readonly namespaces: readonly string[];
  readonly inquiry: unknown;
  readonly signal: AbortSignal;
  /** Those of one namespace that have said that they are there, and answered, are all there can be. */
  readonly isEnough?: (said: readonly Voice[]) => boolean;
  /** How long somebody who is there has to say so, ms. */
  readonly hereMs?: number;
  /** How long an answer may take, ms. */
  readonly patienceMs?: number;
}

/** Asks everybody at once. */
export async function inquire<Answer>(options: InquireOptions): Promise<Heard<Answer>> {
  const { link, namespaces, inquiry, hereMs = 300, patienceMs = 8_000 } = options;
  const id = nuid.next();
  const asked = link.confined === undefined ? [EVERY, ...namespaces] : [link.confined];
  const ears = asked.map((namespace) => new Ear<Answer>(link, namespace, id));
  try {
    if (!link.isUp()) return { said: [], missing: [EVERYBODY] };
    const question = JSON.stringify({ id, inquiry } satisfies Question);
    for (const ear of ears) ear.ask(question);
    await Promise.all(ears.map((ear) => ear.done(options, hereMs, patienceMs)));
    return { said: ears.flatMap((ear) => ear.said()), missing: missingOf(ears) };
  } finally {
    for (const ear of ears) ear[Symbol.dispose]();
  }
}

/** So they are called when not even NATS says whether there are any. */
const EVERYBODY = "all daemons";

function missingOf(ears: readonly Ear<unknown>[]): string[] {
  const silent = ears.filter(({ isSilent }) => isSilent);
  const unheard = silent.length === ears.length ? [EVERYBODY] : silent.map(({ whose }) => whose);
  return [...ears.flatMap((ear) => ear.missing()), ...unheard];
}

/** Listens for those of one namespace. */
class Ear<Answer> implements Disposable {
  readonly #link: Link;
  readonly #namespace: string;
  readonly #answers: Disposable;
  readonly #nobody: { readonly subject: string } & Disposable;
  readonly #voices = new Map<string, Voice & { said?: { readonly answer: Answer } }>();
  #settled = false;
  #wake: () => void = () => {};

  constructor(link: Link, namespace: string, id: string) {
    this.#link = link;
    this.#namespace = namespace;
    const answers = link.nc.subscribe(answerSubject(namespace, id), {
      callback: (error, word) => {
        if (error) return this.#end();
        this.#take(word.json<{ readonly voice: string } & Word>());
      },
    });
    this.#answers = { [Symbol.dispose]: () => answers.unsubscribe() };
    const subject = link.inbox();
    const nobody = link.nc.subscribe(subject, { callback: () => this.#end() }); // the server: nobody listens
    this.#nobody = { subject, [Symbol.dispose]: () => nobody.unsubscribe() };
  }

  ask(question: string): void {
    this.#link.nc.publish(questionSubject(this.#namespace), question, { reply: this.#nobody.subject });
  }

  /** Until everybody who is there has answered: who was not heard of within `hereMs` is not there. */
  async done(
    { signal, isEnough = () => false }: Pick<InquireOptions, "signal" | "isEnough">,
    hereMs: number,
    patienceMs: number,
  ): Promise<void> {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const here = AbortSignal.timeout(hereMs);
    const changed = () => this.#wake();
    stop.addEventListener("abort", changed);
    here.addEventListener("abort", changed);
    const isDone = () => this.missing().length === 0 && (here.aborted || isEnough(this.said()));
    while (!this.#settled && !stop.aborted && !isDone())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    stop.removeEventListener("abort", changed);
    here.removeEventListener("abort", changed);
  }

  /** Neither did anybody speak, nor did the server say that nobody listens: who is asked is too busy, or NATS is away. */
  get isSilent(): boolean {
    return !this.#settled && this.#voices.size === 0;
  }

  get whose(): string {
    return this.#namespace === EVERY ? "the daemons of all namespaces" : `the daemons of ${this.#namespace}`;
  }

  said(): Said<Answer>[] {
    return [...this.#voices.values()].flatMap(({ said, ...voice }) => (said ? [{ ...voice, ...said }] : []));
  }

  missing(): string[] {
    return [...this.#voices.values()].flatMap(({ said, member }) => (said ? [] : [member]));
  }

  #take(word: { readonly voice: string } & Word): void {
    const known = this.#voices.get(word.voice);
    if (word.kind === "here") {
      const { member, pool, partitions } = word;
      this.#voices.set(word.voice, { ...known, member, pool, partitions });
    } else if (known) known.said = { answer: word.answer as Answer };
    this.#wake();
  }

  #end(): void {
    this.#settled = true;
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.#answers[Symbol.dispose]();
    this.#nobody[Symbol.dispose]();
  }
}
