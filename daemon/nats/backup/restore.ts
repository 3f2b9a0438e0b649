/**
 * Brings saved streams back into a NATS without an installation.
 *
 * In:     a folder that `save.ts` wrote; a link that may make streams; how many copies of each stream there shall be, when not
 *         as many as there were.
 * Out:    streams that hold what was saved, in its order, durably. Records whose time is over are left out, except bodies; and so are jobs
 *         whose body is not in the copy: their message was finished after the queue was saved, or it would be there.
 * Fails:  `BrokenCopy` before anything is made; `NotEmpty` when there is mail already; `StoreFault`. A restoration that failed
 *         may be begun again: until it is done there is no queue, or one that is marked (`RESTORING`), which no daemon takes;
 *         what was made without a queue, or with one that is marked, is made anew. Daemons of a namespace know an installation by
 *         the copy of its layout, which is written last.
 */
import { readFile } from "node:fs/promises";
import { type StreamConfig as Config, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { systemClock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { decodeJob } from "../codec.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { LAYOUT_SUBJECT, type Layout, layoutIn, queueStream, RESTORING, tellLayout } from "../layout.ts";
import { BrokenCopy, readArchive, type SavedRecord } from "./archive.ts";
import { BodyIndex } from "./body-index.ts";
import { isBodies, isQueue, type StreamConfig, timeLeft, toBeRestored } from "./plan.ts";
import { type Manifest, manifestFile, streamFile } from "./save.ts";

export class NotEmpty extends Error {
  override readonly name = "NotEmpty";
}

export interface RestoreOptions {
  readonly folder: string;
  /** `undefined`: as saved. */
  readonly replicas: number | undefined;
  readonly log: Log;
  readonly now: () => number;
  readonly restored: (stream: Restored) => void;
  /** Done when it is clear that nothing is overwritten, and before anything is made. */
  readonly prepare?: () => Promise<void>;
  /** Done when everything is there, and before anybody may use it: without it, it is begun again. */
  readonly complete?: (layout: Layout) => Promise<void>;
}

export interface Restored {
  readonly name: string;
  readonly records: number;
  /** Jobs that were finished while the copy was made. */
  readonly finished: number;
}

/** In flight, before the next are read. */
const TOGETHER = 512;
const OCTETS_TOGETHER = 4 << 20;
const PATIENCE_MS = 120_000;
const NO_STORAGE = 10047;
const BODIES_AT_LEAST_S = 2 * 86_400;

/** Throws `BrokenCopy` for a folder that holds no whole copy. */
async function readManifest(folder: string): Promise<Manifest> {
  const file = manifestFile(folder);
  const text = await readFile(file, "utf8").catch(() => {
    throw new BrokenCopy(`${folder} holds no finished copy: there is no ${file}`);
  });
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.format !== 1) throw new BrokenCopy(`${file} is of another version of postfleet`);
  for (const { name, records } of manifest.streams) {
    let found = 0;
    for await (const _ of readArchive(streamFile(folder, name))) found++;
    if (found !== records) throw new BrokenCopy(`${name} has ${found} records instead of ${records}`);
  }
  return manifest;
}

export async function restoreStreams(link: Link, options: RestoreOptions): Promise<Manifest> {
  const { folder } = options;
  const manifest = await readManifest(folder);
  const layout = layoutOf(manifest);
  const jsm = await jetstreamManager(link.nc, { timeout: 30_000 });
  await mustBeEmpty(jsm, manifest);
  await options.prepare?.();
  const bodies = new BodyIndex();
  for (const { name, config } of toBeRestored(manifest.streams)) {
    await make(jsm, config, options.replicas);
    const done = await fill(link, name, bodies, options);
    options.restored({ name, ...done });
  }
  await options.complete?.(layout);
  await unmark(jsm);
  await tellLayout(link, layout);
  return manifest;
}

function layoutOf({ streams }: Manifest): Layout {
  const queue = streams.find(({ name }) => name === MARKED);
  const layout = layoutIn(queue?.config.metadata);
  if (layout === undefined)
    throw new BrokenCopy(`the copy is of no installation: it has no stream ${MARKED} with a layout`);
  return layout;
}

async function mustBeEmpty(jsm: JetStreamManager, { streams }: Manifest): Promise<void> {
  const there: string[] = [];
  for await (const name of jsm.streams.names()) there.push(name);
  if (there.some(isQueue) && !(await isMarked(jsm)))
    throw new NotEmpty("there is mail already: restore into a new installation; nothing is overwritten");
  const half = there.filter((each) => isQueue(each) || streams.some((saved) => saved.name === each));
  // The mark goes last: whatever of a queue is still there is known for a half one.
  for (const name of half.toSorted((a, b) => Number(a === MARKED) - Number(b === MARKED)))
    await jsm.streams.delete(name);
}

const MARKED = queueStream(0);

async function isMarked(jsm: JetStreamManager): Promise<boolean> {
  for await (const { config } of jsm.streams.list())
    if (config.name === MARKED) return config.metadata?.[RESTORING] !== undefined;
  return false;
}

async function unmark(jsm: JetStreamManager): Promise<void> {
  const { config } = await jsm.streams.info(MARKED);
  const { [RESTORING]: _, ...metadata } = config.metadata ?? {};
  await jsm.streams.update(MARKED, { ...config, metadata });
}

async function make(
  jsm: JetStreamManager,
  config: StreamConfig,
  replicas: number | undefined,
): Promise<void> {
  const metadata = { ...config.metadata, ...(config.name === MARKED ? { [RESTORING]: "1" } : {}) };
  const wanted = { ...config, metadata, ...(replicas === undefined ? {} : { num_replicas: replicas }) };
  try {
    await jsm.streams.add(wanted as unknown as Config);
  } catch (error) {
    // A smaller store: the daemons bound the stream anew by what there is.
    if ((error as { code?: unknown }).code !== NO_STORAGE) throw error;
    await jsm.streams.add({ ...wanted, max_bytes: -1 } as unknown as Config);
  }
}

async function fill(
  link: Link,
  name: string,
  bodies: BodyIndex,
  { folder, log, now }: RestoreOptions,
): Promise<Omit<Restored, "name">> {
  const commit = new GroupCommit(link, { stream: name, log, clock: systemClock, timeoutMs: PATIENCE_MS });
  let pending: Promise<number>[] = [];
  let octets = 0;
  let records = 0;
  let finished = 0;
  for await (const record of readArchive(streamFile(folder, name))) {
    const left = timeLeftIn(name, record, now());
    if (left === 0 || record.subject === LAYOUT_SUBJECT) continue;
    if (isBodies(name)) bodies.add(record);
    if (isQueue(name) && wasFinished(record, bodies)) {
      finished++;
      continue;
    }
    const { subject, data } = record;
    const stored = commit.commit([{ subject, data, ...(left === undefined ? {} : { ttl: `${left}s` }) }]);
    stored.catch(() => {}); // seen below
    pending.push(stored);
    records++;
    octets += data.length;
    if (pending.length < TOGETHER && octets < OCTETS_TOGETHER) continue;
    await Promise.all(pending);
    pending = [];
    octets = 0;
  }
  await Promise.all(pending);
  return { records, finished };
}

/**
 * Seconds; 0: it is left out. What says that a subject's record is gone says so once more, since that record may stand before it
 * in the copy. A body never ends while its job is in the copy, however old the copy is: a message that is past its lifetime is
 * returned to its sender, with its text.
 */
function timeLeftIn(stream: string, record: SavedRecord, now: number): number | undefined {
  const left = timeLeft(record, now);
  if (left === undefined) return undefined;
  if (record.data.length === 0) return Math.max(left, 1);
  return isBodies(stream) ? Math.max(left, BODIES_AT_LEAST_S) : left;
}

function wasFinished({ subject, data }: SavedRecord, bodies: BodyIndex): boolean {
  try {
    const body = decodeJob(subject, 0, data)?.job.body;
    return body?.kind === "stored" && !bodies.has(body.id, body.chunks);
  } catch {
    return false; // no job: daemons leave it alone, and so do we
  }
}
