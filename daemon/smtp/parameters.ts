/**
 * The parameters of MAIL and RCPT.
 *
 * In:     `KEYWORD=value` texts.
 * Out:    the envelope's options.
 * Fails:  the `Reply` to give: 555 5.5.4 for an unknown or repeated keyword, 501 5.5.4 for a bad value.
 * Spec:   RFC 5321 §4.1.1.11; RFC 1870 (SIZE); RFC 6152 (BODY); RFC 6531 §3.4 (SMTPUTF8); RFC 3461 §4 (RET, ENVID,
 *         NOTIFY, ORCPT); RFC 4954 §5 (AUTH); RFC 8689 §4.1 (REQUIRETLS).
 */
import type { Notify, OriginalRecipient, Sender } from "../mail/envelope.ts";
import type { Reply } from "../mail/reply.ts";
import { replies } from "./replies.ts";
import { decodeXtext, parseOrcpt } from "./xtext.ts";

export type MailOptions = Omit<Sender, "path"> & { readonly size?: number };
export interface RcptOptions {
  readonly notify?: Notify;
  readonly orcpt?: OriginalRecipient;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };
/** Puts the value into the draft; false when it is not one. `undefined`: the parameter came without `=`. */
type Setter<T> = (draft: Draft<T>, value: string | undefined) => boolean;
type Setters<T> = ReadonlyMap<string, Setter<T>>;

const plainMail: MailOptions = Object.freeze({ body: "7BIT", smtputf8: false });
const plainRcpt: RcptOptions = Object.freeze({});

/** `auth`: is AUTH offered, so that MAIL may name who submitted first? RFC 4954 §5 */
/** `encrypted`: the client is under TLS, and so was told REQUIRETLS. RFC 8689 §4.1 */
export function parseMailParameters(
  parameters: readonly string[],
  auth: () => boolean,
  encrypted = false,
): MailOptions | Reply {
  if (parameters.length === 0) return plainMail;
  const options = apply<MailOptions>(
    { body: "7BIT", smtputf8: false },
    parameters,
    auth() ? mailWithAuth : mail,
  );
  const unasked = !encrypted && "requireTls" in options;
  return unasked ? replies.parameter("REQUIRETLS") : options;
}

export function parseRcptParameters(parameters: readonly string[]): RcptOptions | Reply {
  return parameters.length === 0 ? plainRcpt : apply<RcptOptions>({}, parameters, rcpt);
}

function apply<T extends object>(
  draft: Draft<T>,
  parameters: readonly string[],
  setters: Setters<T>,
): T | Reply {
  const seen = new Set<string>();
  for (const parameter of parameters) {
    const equals = parameter.indexOf("=");
    const name = (equals === -1 ? parameter : parameter.slice(0, equals)).toUpperCase();
    const set = setters.get(name);
    if (set === undefined || seen.has(name)) return replies.parameter(name);
    seen.add(name);
    if (!set(draft, equals === -1 ? undefined : parameter.slice(equals + 1))) return replies.badValue(name);
  }
  return draft as T;
}

const mail: Setters<MailOptions> = new Map<string, Setter<MailOptions>>([
  ["SIZE", setSize],
  ["BODY", setBody],
  ["SMTPUTF8", setUtf8],
  ["REQUIRETLS", setRequireTls],
  ["RET", setRet],
  ["ENVID", setEnvid],
]);
/** Whom AUTH names is taken as unknown (`<>`), as RFC 4954 §5 allows for those that we do not trust to say it. */
const mailWithAuth: Setters<MailOptions> = new Map([...mail, ["AUTH", (_, value) => isSubmitter(value)]]);
const rcpt: Setters<RcptOptions> = new Map<string, Setter<RcptOptions>>([
  ["NOTIFY", setNotify],
  ["ORCPT", setOrcpt],
]);

const isSubmitter: (value: string | undefined) => boolean = (value) =>
  value === "<>" || (value !== undefined && value !== "" && decodeXtext(value) !== undefined);

function setSize(draft: Draft<MailOptions>, value: string | undefined): boolean {
  if (value === undefined || !/^\d{1,20}$/.test(value)) return false; // RFC 1870 §4
  draft.size = Number(value);
  return true;
}

/** BINARYMIME is not offered, hence a bad value. RFC 3030 §3 */
function setBody(draft: Draft<MailOptions>, value: string | undefined): boolean {
  const body = value?.toUpperCase();
  if (body !== "7BIT" && body !== "8BITMIME") return false;
  draft.body = body;
  return true;
}

function setUtf8(draft: Draft<MailOptions>, value: string | undefined): boolean {
  draft.smtputf8 = true;
  return value === undefined;
}

function setRequireTls(draft: Draft<MailOptions>, value: string | undefined): boolean {
  draft.requireTls = true;
  return value === undefined;
}

function setRet(draft: Draft<MailOptions>, value: string | undefined): boolean {
  const ret = value?.toUpperCase();
  if (ret !== "FULL" && ret !== "HDRS") return false;
  draft.ret = ret;
  return true;
}

function setEnvid(draft: Draft<MailOptions>, value: string | undefined): boolean {
  // RFC 3461 §4.4: at most 100 characters as given.
  const envid = value === undefined || value.length > 100 ? undefined : decodeXtext(value);
  if (envid === undefined || envid === "") return false;
  draft.envid = envid;
  return true;
}

type Occasion = Exclude<Notify, "never">[number];
const occasions: ReadonlyMap<string, Occasion> = new Map([
  ["SUCCESS", "success"],
  ["FAILURE", "failure"],
  ["DELAY", "delay"],
]);

function setNotify(draft: Draft<RcptOptions>, value: string | undefined): boolean {
  if (value === undefined || value.length > 40) return false;
  const wanted = new Set<Occasion>();
  if (value.toUpperCase() === "NEVER")
    draft.notify = "never"; // RFC 3461 §4.1: never together with others
  else {
    for (const word of value.toUpperCase().split(",")) {
      const occasion = occasions.get(word);
      if (occasion === undefined) return false;
      wanted.add(occasion);
    }
    draft.notify = [...wanted];
  }
  return true;
}

function setOrcpt(draft: Draft<RcptOptions>, value: string | undefined): boolean {
  const orcpt = value === undefined ? undefined : parseOrcpt(value);
  if (orcpt === undefined) return false;
  draft.orcpt = orcpt;
  return true;
}
