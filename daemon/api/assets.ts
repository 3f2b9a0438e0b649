/**
 * The console's files: its one page under each of its paths, so that they can be opened and reloaded.
 *
 * In:     the folder of the built console, read once at the start.
 * Out:    answers; script, style and fonts from here only, nothing inline, in nobody's frame.
 */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { WebAnswer, WebRequest } from "../net/web.ts";
import { isPagePath } from "./pages.ts";

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const pageHeaders = {
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

interface Asset {
  readonly octets: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export class Assets {
  readonly #files: ReadonlyMap<string, Asset>;

  constructor(files: ReadonlyMap<string, Asset>) {
    this.#files = files;
  }

  /** A folder that is not there is one without files: the API works without pages. */
  static async read(folder: string): Promise<Assets> {
    const files = new Map<string, Asset>();
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      files.set(file.slice(folder.length).replaceAll("\\", "/"), assetOf(file, await readFile(file)));
    }
    return new Assets(files);
  }

  answer({ method, path, header }: Pick<WebRequest, "method" | "path" | "header">): WebAnswer {
    if (method !== "GET" && method !== "HEAD")
      return { status: 405, headers: { ...pageHeaders, allow: "GET, HEAD" }, body: "only GET\n" };
    const asset = this.#files.get(isPagePath(path) ? "/index.html" : path);
    const plain = { ...pageHeaders, "content-type": "text/plain; charset=utf-8" };
    if (!asset) return { status: 404, headers: plain, body: "there is nothing here\n" };
    const same = header("if-none-match") === asset.headers["etag"];
    return same
      ? { status: 304, headers: asset.headers }
      : { status: 200, headers: asset.headers, body: asset.octets };
  }
}

/** Names of built files carry a digest of what they hold: they never change. */
function assetOf(file: string, octets: Buffer): Asset {
  const type = types[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  const lasting = /-[\w-]{8,}\.(js|css)$/.test(file);
  const etag = `"${createHash("sha256").update(octets).digest("base64url").slice(0, 22)}"`;
  const cache = lasting ? "public, max-age=31536000, immutable" : "no-cache";
  return { octets, headers: { ...pageHeaders, "content-type": type, "cache-control": cache, etag } };
}
