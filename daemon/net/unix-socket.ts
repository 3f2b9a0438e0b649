/**
 * HTTP on a Unix socket, for programs of the same user: whoever may open the file may ask.
 *
 * In:     a path; a handler that answers every request.
 * Out:    a listening socket (mode 0600) until it is disposed of. What lay there of a life before is taken away.
 * Paths:  the system takes some 100 octets. A longer one becomes a link to a socket in a folder of our own below the
 *         system's temporary one; `socketAt` finds either.
 * Fails:  rejects with the system's error.
 */
import { mkdir, mkdtemp, readlink, rm, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { httpPatience } from "./http-patience.ts";
import { answerWeb, type WebHandler } from "./web.ts";

/** `sun_path` has 104 octets on some systems, 108 on others, and ends with a NUL. unix(4), unix(7) */
const longestPath = 100;

export interface SocketOptions {
  readonly path: string;
  readonly handler: WebHandler;
  readonly onFault: (error: unknown) => void;
}

export async function serveSocket({ path, handler, onFault }: SocketOptions): Promise<AsyncDisposable> {
  const server = createServer({ ...httpPatience, requestTimeout: 30_000 }, (request, response) => {
    void answerWeb(request, response, handler, onFault).catch(() => response.destroy());
  });
  server.maxConnections = 100;
  await using parts = new AsyncDisposableStack();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  await listen(server, await placeFor(path, parts));
  parts.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(path, { force: true });
  });
  const owned = parts.move();
  return { [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Where a program connects to for that path. */
export const socketAt = (path: string): Promise<string> => readlink(path).catch(() => path);

async function placeFor(path: string, parts: AsyncDisposableStack): Promise<string> {
  if (Buffer.byteLength(path) <= longestPath) return path;
  const folder = await mkdtemp(join(tmpdir(), "postfleet-"));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const real = join(folder, "api.sock");
  await symlink(real, path);
  return real;
}

/** Made with its mode: there is no moment in which others could open it. Binding a path is done before `listen` returns. */
function listen(server: ReturnType<typeof createServer>, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const before = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(before);
    }
  });
}
