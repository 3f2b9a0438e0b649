/**
 * What is known of a message without reading it: made once when it is filed, kept beside its octets.
 *
 * Texts are as the header has them, unfolded, encoded words not decoded (FETCH gives them so; SEARCH decodes). Offsets
 * count octets from the message's beginning, prefix included, so that every part can be read as a range.
 *
 * Spec: RFC 9051 §7.5.2 (ENVELOPE, BODYSTRUCTURE), RFC 5322 §3.6, RFC 2045, RFC 2046, RFC 2183, RFC 2231.
 */

/**
 * One address. A group begins with `{ local: its name, host: null }` and ends with both null. RFC 9051 §7.5.2
 */
export interface EnvelopeAddress {
  readonly name: string | null;
  readonly local: string | null;
  readonly host: string | null;
}

export interface Envelope {
  readonly date: string | null;
  readonly subject: string | null;
  readonly from: readonly EnvelopeAddress[];
  /** As written; empty when absent (FETCH shows From then). */
  readonly sender: readonly EnvelopeAddress[];
  readonly replyTo: readonly EnvelopeAddress[];
  readonly to: readonly EnvelopeAddress[];
  readonly cc: readonly EnvelopeAddress[];
  readonly bcc: readonly EnvelopeAddress[];
  readonly inReplyTo: string | null;
  readonly messageId: string | null;
}

export interface Range {
  readonly offset: number;
  readonly size: number;
}

/** Names in lower case, values decoded from quoting, continuations joined. RFC 2231 */
export type Parameters = readonly (readonly [name: string, value: string])[];

export interface Part {
  /** In lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: Parameters;
  readonly id: string | null;
  readonly description: string | null;
  /** In lower case; `7bit` when nothing is said. */
  readonly encoding: string;
  readonly md5: string | null;
  readonly disposition: { readonly type: string; readonly parameters: Parameters } | null;
  readonly language: readonly string[];
  readonly location: string | null;
  /** The part's header with the empty line that ends it. */
  readonly header: Range;
  readonly body: Range;
  /** Line ends in the body. */
  readonly lines: number;
  /** Of a multipart; never empty there. */
  readonly parts: readonly Part[];
  /** Of a message/rfc822 that was looked into. */
  readonly message: { readonly envelope: Envelope; readonly structure: Part } | null;
}

export interface Digest {
  /** The message's header as it is, prefix included: of large messages only, whose octets cost much to read. */
  readonly header: Buffer | undefined;
  readonly envelope: Envelope;
  /**
   * False: no field of the envelope holds this text, whatever its case; known without looking at each. In: in lower case.
   */
  mayName(text: string): boolean;
  /** Message ids of References, with angle brackets, oldest first. RFC 5256 §4 (THREAD=REFERENCES) */
  readonly references: readonly string[];
  /** The message itself as a part: `structure.header` is the message's header. */
  readonly structure: Part;
}
