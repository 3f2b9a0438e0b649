/**
 * Copies streams into a folder while mail flows.
 *
 * In:     a link that reaches every stream; an empty or new folder.
 * Out:    `FOLDER/streams/NAME` for each stream, and `FOLDER/backup.json`, written last: who finds it has all of them.
 * Truth:  a stream is followed from its beginning until nothing is left to tell, at least to where its leader was when its turn
 *         came. So the copy of a stream is what it held at one moment, however long copying took; why their order makes them
 *         whole together is told in `plan.ts`.
 * Fails:  `StoreFault`; the file system's errors. What is half done has no `backup.json`.
 *
 * NATS has snapshots of its own (`nats stream backup`), block by block while others write: a record that is rewritten
 * meanwhile moves from a block that was not read yet to one that is not part of the snapshot, and is in neither.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Log } from "../../kit/log.ts";
import type { Link } from "../connect.ts";
import { StoreFault } from "../fault.ts";
import { lastOf } from "../history.ts";
import { nextOnSubject } from "../read.ts";
import { writePrivately } from "../server/connection.ts";
import { Tail } from "../tail.ts";
import { ArchiveWriter } from "./archive.ts";
import { isSaved, type StreamConfig, secondsOf, toBeSaved } from "./plan.ts";

export interface SavedStream {
  readonly name: string;
  readonly config: StreamConfig;
  readonly records: number;
  readonly octets: number;
}

/** `backup.json` */
export interface Manifest {
  readonly format: 1;
  /** ISO 8601. Everything accepted before it began is in the copy. */
  readonly began: string;
  readonly ended: string;
  readonly streams: readonly SavedStream[];
}

export interface SaveOptions {
  readonly folder: string;
  readonly log: Log;
  readonly now: () => number;
  readonly saved: (stream: SavedStream) => void;
}

/** A server that follows the stream's leader is this late at most. */
const LAG_MS = 10_000;
const PAUSE_MS = 50;

export const manifestFile = (folder: string): string => join(folder, "backup.json");
export const streamFile = (folder: string, name: string): string => join(folder, "streams", name);

export async function saveStreams(link: Link, options: SaveOptions): Promise<Manifest> {
  const { folder, now } = options;
  const began = new Date(now()).toISOString();
  await mkdir(join(folder, "streams"), { recursive: true, mode: 0o700 });
  const streams: SavedStream[] = [];
  for (const config of toBeSaved(await configsOf(link))) {
    const done = await saveStream(link, config, options);
    streams.push(done);
    options.saved(done);
  }
  const manifest: Manifest = { format: 1, began, ended: new Date(now()).toISOString(), streams };
  await writePrivately(manifestFile(folder), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

async function configsOf(link: Link): Promise<StreamConfig[]> {
  const jsm = await jetstreamManager(link.nc, { timeout: 10_000 });
  const configs: StreamConfig[] = [];
  for await (const { config } of jsm.streams.list()) configs.push(config);
  return configs;
}

async function saveStream(link: Link, config: StreamConfig, options: SaveOptions): Promise<SavedStream> {
  const { name, subjects = [], max_msgs_per_subject } = config;
  const { folder, log } = options;
  using writer = new ArchiveWriter(streamFile(folder, name));
  const leader = await lastOf(link, name);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // also when nobody waits for it any more
  let heard = 0;
  await using tail = new Tail(link, {
    stream: name,
    filters: subjects,
    // One record a subject: the last of each. Where there may be several: all.
    ...(max_msgs_per_subject === 1 ? {} : { since: 1 }),
    onMessage: ({ subject, sequence, time, data, marker, forged, header }) => {
      heard = sequence;
      if (marker || forged || !isSaved(subject)) return;
      const ttl = secondsOf(header("Nats-TTL"));
      try {
        writer.add({ subject, time, data, ...(ttl === undefined ? {} : { ttl }) });
      } catch (error) {
        failed.reject(error);
      }
    },
    log,
  });
  await tail.start();
  await Promise.race([tail.caughtUp, failed.promise]);
  await Promise.race([upTo(leader.sequence, () => heard, link, name), failed.promise]);
  writer.finish();
  return { name, config, records: writer.records, octets: writer.size };
}

/** Resolves when what the leader had is heard; what was removed since cannot be. */
async function upTo(sequence: number, heard: () => number, link: Link, stream: string): Promise<void> {
  for (let waited = 0; heard() < sequence; waited += PAUSE_MS) {
    const left = await nextOnSubject(link, stream, ">", heard() + 1);
    if (left === undefined || left.sequence > sequence) return;
    if (waited >= LAG_MS) throw new StoreFault("busy", `a copy of stream ${stream} lags behind its leader`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
