/**
 * A body writer whose failures are what the queue port promises.
 *
 * In:     a writer that fails with the store's faults, and what turns a fault into a `QueueError`.
 * Out:    the same writer; `write` still answers at once where nothing has to be waited for.
 */
import type { BodyWriter } from "../queue/queue.ts";

export function speaking(writer: BodyWriter, failure: (error: unknown) => Error): BodyWriter {
  const fail = (error: unknown) => {
    throw failure(error);
  };
  return {
    get size() {
      return writer.size;
    },
    write(octets) {
      try {
        const wait = writer.write(octets);
        return wait?.catch(fail);
      } catch (error) {
        fail(error);
      }
    },
    finish: () => writer.finish().catch(fail),
    abandon: () => writer.abandon(),
  };
}
