/**
 * Content filters as a MailDomain names them, parsed once.
 *
 * In:     `Filter`s that passed the checks of `crds/validate`.
 * Out:    entries; two that ask the same server have the same `id`, and one look at a message serves both.
 * Fails:  never; an address that is none leads nowhere, and the filter fails: nobody is passed over for a slip of the pen.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { Filter } from "../../crds/types.ts";

export type FilterServer =
  | { readonly kind: "milter"; readonly host: string; readonly port: number }
  | { readonly kind: "milter"; readonly path: string }
  | { readonly kind: "rspamd"; readonly tls: boolean; readonly host: string; readonly port: number }
  | { readonly kind: "nowhere" };

export interface FilterEntry {
  readonly name: string;
  readonly id: string;
  readonly server: FilterServer;
  readonly timeoutMs: number;
  readonly onFailure: Filter["onFailure"];
  readonly connections: number;
  /** The name in lower case; the value's beginning, in lower case. */
  readonly junkField?: { readonly name: string; readonly value: string };
}

const nowhere: FilterServer = { kind: "nowhere" };
const usualTimeoutMs = 30_000;

export function filterEntries(filters: readonly Filter[] = []): readonly FilterEntry[] {
  return filters.map(({ name, milter, rspamd, timeout, onFailure, connections, junkField }) => {
    const server = (milter ? milterServer(milter.address) : rspamd && rspamdServer(rspamd.url)) ?? nowhere;
    const timeoutMs = parseDuration(timeout) ?? usualTimeoutMs;
    const junk = junkField === undefined ? undefined : junkFieldOf(junkField);
    const entry = { name, id: idOf(server), server, timeoutMs, onFailure, connections };
    return junk === undefined ? entry : { ...entry, junkField: junk };
  });
}

function milterServer(address: string): FilterServer | undefined {
  if (address.startsWith("unix:")) return { kind: "milter", path: address.slice("unix:".length) };
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(address) ?? [];
  return isPort(Number(port)) ? { kind: "milter", host: bare(host), port: Number(port) } : undefined;
}

function rspamdServer(url: string): FilterServer | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
  const tls = parsed.protocol === "https:";
  const port = parsed.port === "" ? (tls ? 443 : 80) : Number(parsed.port);
  return { kind: "rspamd", tls, host: bare(parsed.hostname), port };
}

const isPort = (port: number): boolean => port > 0 && port < 65_536;
const bare = (host: string): string => host.replace(/^\[|\]$/g, "").toLowerCase();

function idOf(server: FilterServer): string {
  if (server.kind === "nowhere") return "nowhere";
  if ("path" in server) return `milter unix:${server.path}`;
  const scheme = server.kind === "rspamd" && server.tls ? "rspamds" : server.kind;
  return `${scheme} [${server.host}]:${server.port}`;
}

function junkFieldOf(text: string): FilterEntry["junkField"] {
  const colon = text.indexOf(":");
  const value = text
    .slice(colon + 1)
    .trim()
    .toLowerCase();
  return { name: text.slice(0, colon).toLowerCase(), value };
}
