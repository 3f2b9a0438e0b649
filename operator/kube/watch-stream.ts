/**
 * The lines of a watch, as events.
 *
 * In:     the answer's octets, split anywhere.
 * Fails:  `SilentWatch` when nothing came for too long; the connection's error; a `KubeError` for an `ERROR` event.
 */
import type { IncomingMessage } from "node:http";
import { errorOf, type Status } from "./answers.ts";
import type { KubeObject } from "./object.ts";
import type { Kind } from "./port.ts";
import type { WatchEvent } from "./watchable.ts";

/** The connection stands, and says nothing any more. */
export class SilentWatch extends Error {
  override readonly name = "SilentWatch";
}

interface Line {
  readonly type: WatchEvent["type"] | "ERROR";
  readonly object: KubeObject & Status;
}

export async function* watchEvents(
  response: IncomingMessage,
  kind: Kind,
  silenceMs: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const onAbort = () => void response.destroy(signal.reason);
  const onSilence = () => void response.destroy(new SilentWatch(`no word for ${silenceMs / 1_000} s`));
  const timer = setTimeout(onSilence, silenceMs);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const line of lines(response)) {
      timer.refresh();
      yield eventOf(JSON.parse(line) as Line, kind);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    response.destroy();
  }
}

async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let pieces: string[] = [];
  for await (const chunk of response as AsyncIterable<string>) {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      pieces.push(chunk.slice(from, end));
      const line = pieces.join("");
      pieces = [];
      from = end + 1;
      if (line !== "") yield line;
    }
    if (from < chunk.length) pieces.push(chunk.slice(from));
  }
}

function eventOf({ type, object }: Line, kind: Kind): WatchEvent {
  if (type === "ERROR") throw errorOf(object, `watching ${kind.plural}`);
  if (type === "BOOKMARK") return { type, resourceVersion: object.metadata.resourceVersion ?? "" };
  return { type, object };
}
