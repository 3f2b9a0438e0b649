/**
 * The memory of greylisting, shared by all pods: stream `GREY`, one subject a correspondent or network, `grey.<group>.<key>`.
 *
 * Records are some tens of octets and go by their TTL; the stream is bounded, the oldest record leaves first. Keys are
 * digests: who wrote to whom cannot be read from them.
 *
 * Reads:   direct gets, which may lag behind; every write is a compare-and-set, so that what lags costs a try at most.
 * Fails:   `StoreFault`.
 */
import { createHmac } from "node:crypto";
import { headers, type Msg } from "@nats-io/transport-node";
import type { GreyNote } from "../accept/rules/greylist.ts";
import type { GreyBook, Noted } from "../accept/strangers/greylist.ts";
import type { Link } from "./connect.ts";
import { type ApiError, Conflict, faultOf, StoreFault } from "./fault.ts";
import { managerOf } from "./insist.ts";
import { base, ensure } from "./streams.ts";

export const GREY_STREAM = "GREY";
const usualBytes = 64 << 20;
const timeout = 2_000;
const notFound = 404;

export interface GreySizes {
  /** 0: as it is found. */
  readonly replicas: number;
  /** Octets; absent: its usual size. */
  readonly bytes?: number | undefined;
}

export async function ensureGreyBook(link: Link, { replicas, bytes = usualBytes }: GreySizes): Promise<void> {
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas }),
    name: GREY_STREAM,
    subjects: ["grey.>"],
    discard: "old",
    max_msg_size: 1_024,
    max_bytes: bytes,
  });
}

export interface GreyBookOptions {
  readonly link: Pick<Link, "nc">;
  /** Daemons that share their memory: a namespace's own; without one, those who serve every namespace. */
  readonly group?: string;
  /** The same in every pod of the group. */
  readonly key: Buffer;
}

export class JetStreamGreyBook implements GreyBook {
  readonly #options: GreyBookOptions;
  readonly #group: string;

  constructor(options: GreyBookOptions) {
    this.#options = options;
    this.#group = (options.group ?? "_").replace(/[^A-Za-z0-9_-]/g, "_");
  }

  async read(key: string): Promise<Noted | undefined> {
    const { headers: head, data } = await this.#ask(
      `$JS.API.DIRECT.GET.${GREY_STREAM}.${this.#subject(key)}`,
      "",
    );
    if (head?.code === notFound) return undefined;
    const revision = Number(head?.get("Nats-Sequence"));
    if (!(revision > 0)) throw new StoreFault("refused", "an answer without a record");
    const note = parse(data);
    return note && { note, revision };
  }

  async write(key: string, note: GreyNote, ttlMs: number, replaces: number): Promise<boolean> {
    const head = headers();
    head.set("Nats-Expected-Last-Subject-Sequence", String(replaces));
    head.set("Nats-TTL", `${Math.max(1, Math.ceil(ttlMs / 1_000))}s`);
    const { error } = (await this.#ask(this.#subject(key), JSON.stringify(note), head)).json<{
      readonly error?: ApiError;
    }>();
    if (error === undefined) return true;
    const fault = faultOf(error);
    if (fault instanceof Conflict) return false;
    throw fault;
  }

  #subject(key: string): string {
    const digest = createHmac("sha256", this.#options.key).update(key).digest("base64url").slice(0, 24);
    return `grey.${this.#group}.${digest}`;
  }

  async #ask(subject: string, data: string, head?: ReturnType<typeof headers>): Promise<Msg> {
    try {
      return await this.#options.link.nc.request(subject, data, {
        timeout,
        ...(head === undefined ? {} : { headers: head }),
      });
    } catch (error) {
      throw new StoreFault("away", "no answer from the memory of greylisting", error);
    }
  }
}

/** A marker of a record that has gone, or what is none: nothing is known. */
function parse(data: Uint8Array): GreyNote | undefined {
  if (data.length === 0) return undefined;
  try {
    const note = JSON.parse(Buffer.from(data).toString()) as Partial<GreyNote> & { readonly known?: unknown };
    if (!Number.isFinite(note.at)) return undefined;
    if (note.kind === "tried" || note.kind === "known") return note as GreyNote;
    return note.kind === "network" && Number.isSafeInteger(note.known) ? (note as GreyNote) : undefined;
  } catch {
    return undefined;
  }
}
