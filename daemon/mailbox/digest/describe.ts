/**
 * From header fields to what FETCH says: the envelope of a message and the description of a part.
 *
 * Spec: RFC 9051 §7.5.2, RFC 2045 §5.2 (text/plain when nothing is said), RFC 2046 §5.1.5 (digest).
 */
import type { Envelope, Part } from "../digest.ts";
import { addresses } from "./addresses.ts";
import type { Fields } from "./header.ts";
import { valued } from "./parameters.ts";

const TEXT_MAX = 4_000;
const IDS_MAX = 100;

const textOf = (fields: Fields, name: string): string | null => {
  const text = fields.get(name);
  return text === undefined ? null : text.slice(0, TEXT_MAX);
};

export const envelopeOf = (fields: Fields): Envelope => ({
  date: textOf(fields, "date"),
  subject: textOf(fields, "subject"),
  from: addresses(fields.get("from")),
  sender: addresses(fields.get("sender")),
  replyTo: addresses(fields.get("reply-to")),
  to: addresses(fields.get("to")),
  cc: addresses(fields.get("cc")),
  bcc: addresses(fields.get("bcc")),
  inReplyTo: textOf(fields, "in-reply-to"),
  messageId: textOf(fields, "message-id"),
});

/** Message ids with angle brackets; of a very long list the first and the newest. */
export function referencesOf(fields: Fields): readonly string[] {
  const ids = fields.get("references")?.match(/<[^<>\s]{1,500}>/g) ?? [];
  return ids.length <= IDS_MAX ? ids : [...ids.slice(0, 1), ...ids.slice(1 - IDS_MAX)];
}

export type Description = Omit<Part, "header" | "body" | "lines" | "parts" | "message">;

export function describe(fields: Fields, inDigest: boolean): Description {
  const { type, subtype, parameters } = contentType(fields.get("content-type"), inDigest);
  const disposition = fields.get("content-disposition");
  const said = disposition === undefined ? undefined : valued(disposition);
  return {
    type,
    subtype,
    parameters,
    id: textOf(fields, "content-id"),
    description: textOf(fields, "content-description"),
    encoding: valued(fields.get("content-transfer-encoding") ?? "").value.slice(0, 100) || "7bit",
    md5: textOf(fields, "content-md5"),
    disposition: said?.value ? { type: said.value.slice(0, 200), parameters: said.parameters } : null,
    language:
      fields
        .get("content-language")
        ?.split(",")
        .map((tag) => tag.trim())
        .filter(Boolean)
        .slice(0, 20) ?? [],
    location: textOf(fields, "content-location"),
  };
}

const plain = { type: "text", subtype: "plain", parameters: [["charset", "us-ascii"]] } as const;

function contentType(
  text: string | undefined,
  inDigest: boolean,
): Pick<Description, "type" | "subtype" | "parameters"> {
  if (text === undefined) return inDigest ? { type: "message", subtype: "rfc822", parameters: [] } : plain;
  const { value, parameters } = valued(text);
  const [, type, subtype] = /^([^/\s]{1,100})\/([^/\s]{1,100})$/.exec(value) ?? [];
  if (type === undefined || subtype === undefined) return plain;
  return { type, subtype, parameters };
}

/** The delimiter of a multipart, or `undefined` when there is none to look for. RFC 2046 §5.1.1 */
export function boundaryOf({ type, parameters }: Description): string | undefined {
  if (type !== "multipart") return undefined;
  const boundary = parameters.find(([name]) => name === "boundary")?.[1];
  return boundary === undefined || boundary === "" || boundary.length > 250 ? undefined : boundary;
}

/** Whether there is a message inside that can be looked into as it lies there. RFC 2046 §5.2.1, RFC 6532 §3.7 */
export const holdsMessage = ({ type, subtype, encoding }: Description): boolean =>
  type === "message" &&
  (subtype === "rfc822" || subtype === "global") &&
  encoding !== "base64" &&
  encoding !== "quoted-printable";
