/**
 * Content filters as a MailDomain names them, parsed once.
 *
 * In:     `Filter`s that passed the checks of `crds/validate`, whose they are, and the passwords that they refer to.
 * Out:    entries; two that ask the same server in the same way have the same `id`, and one look at a message serves both.
 *         Who trusts other authorities, or has a password of another namespace, asks for itself.
 * Fails:  never; an address that is none leads nowhere, and the filter fails: nobody is passed over for a slip of the pen.
 */
import { hash } from "node:crypto";
import { filterPasswordFault } from "../../crds/filter-password.ts";
import { parseDuration } from "../../crds/quantities.ts";
import type { Filter, FilterPasswordSecretRef, RspamdAddress } from "../../crds/types.ts";

/** A password that is asked for; `missing`: its Secret is not there, or holds none. */
export type FilterPassword = { readonly text: string } | "missing";

export type FilterServer =
  | { readonly kind: "milter"; readonly host: string; readonly port: number }
  | { readonly kind: "milter"; readonly path: string }
  | RspamdEntry
  | { readonly kind: "nowhere" };

export interface RspamdEntry {
  readonly kind: "rspamd";
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** What its certificate must be for instead of `host`. */
  readonly serverName?: string;
  /** PEM of the authorities that count instead of the public ones. */
  readonly authorities?: string;
  readonly password?: FilterPassword;
}

/** Passwords by `filterSecretId` of their references; what is not here could not be read. */
export type FilterSecrets = Readonly<Record<string, string>>;

export const filterSecretId = ({ name, key }: FilterPasswordSecretRef): string => `${name}/${key}`;

export interface FilterOwner {
  readonly namespace: string;
  readonly secrets?: FilterSecrets | undefined;
}

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

export function filterEntries(
  filters: readonly Filter[] | undefined,
  { namespace, secrets = {} }: FilterOwner,
): readonly FilterEntry[] {
  return (filters ?? []).map((filter) => {
    const { name, timeout, onFailure, connections, junkField } = filter;
    const server = serverOf(filter, secrets);
    const timeoutMs = parseDuration(timeout) ?? usualTimeoutMs;
    const junk = junkField === undefined ? undefined : junkFieldOf(junkField);
    const id = idOf(server, filter.rspamd, namespace);
    const entry = { name, id, server, timeoutMs, onFailure, connections };
    return junk === undefined ? entry : { ...entry, junkField: junk };
  });
}

export const serverOf = ({ milter, rspamd }: Filter, secrets: FilterSecrets = {}): FilterServer =>
  (milter ? milterServer(milter.address) : rspamd && rspamdServer(rspamd, secrets)) ?? nowhere;

function milterServer(address: string): FilterServer | undefined {
  if (address.startsWith("unix:")) return { kind: "milter", path: address.slice("unix:".length) };
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(address) ?? [];
  return isPort(Number(port)) ? { kind: "milter", host: bare(host), port: Number(port) } : undefined;
}

function rspamdServer(
  { url, serverName, caBundle, passwordSecretRef: ref }: RspamdAddress,
  secrets: FilterSecrets,
): FilterServer | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
  const tls = parsed.protocol === "https:";
  const port = parsed.port === "" ? (tls ? 443 : 80) : Number(parsed.port);
  return {
    kind: "rspamd",
    tls,
    host: bare(parsed.hostname),
    port,
    ...(serverName === undefined ? {} : { serverName: serverName.toLowerCase() }),
    ...(caBundle === undefined ? {} : { authorities: caBundle }),
    ...(ref === undefined ? {} : { password: passwordOf(secrets[filterSecretId(ref)]) }),
  };
}

/** One that no header can carry is as good as none. */
const passwordOf = (text = ""): FilterPassword =>
  text === "" || filterPasswordFault(text) !== undefined ? "missing" : { text };

const isPort = (port: number): boolean => port > 0 && port < 65_536;
const bare = (host: string): string => host.replace(/^\[|\]$/g, "").toLowerCase();

/** Made of what is in the resource alone: the operator names filters so, too, and tells no secret by it. */
function idOf(server: FilterServer, rspamd: RspamdAddress | undefined, namespace: string): string {
  if (server.kind === "nowhere") return "nowhere";
  if ("path" in server) return `milter unix:${server.path}`;
  const scheme = server.kind === "rspamd" && server.tls ? "rspamds" : server.kind;
  return `${scheme} [${server.host}]:${server.port}${server.kind === "rspamd" ? manner(rspamd, namespace) : ""}`;
}

/** Short, however long the certificates are. */
function manner(rspamd: RspamdAddress | undefined, namespace: string): string {
  const { serverName, caBundle, passwordSecretRef: ref } = rspamd ?? {};
  if ((serverName ?? caBundle ?? ref) === undefined) return "";
  const how = [serverName?.toLowerCase(), caBundle, ref && [namespace, ref.name, ref.key]];
  return ` #${hash("sha256", JSON.stringify(how), "base64url")}`;
}

function junkFieldOf(text: string): FilterEntry["junkField"] {
  const colon = text.indexOf(":");
  const value = text
    .slice(colon + 1)
    .trim()
    .toLowerCase();
  return { name: text.slice(0, colon).toLowerCase(), value };
}
