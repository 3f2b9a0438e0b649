/**
 * A message that lies in a file and is to be imported.
 */
export interface Source {
  /** Named in errors. */
  readonly file: string;
  readonly flags: readonly string[];
  /** ms since the epoch */
  readonly date: number;
  /** With CRLF line ends; may be called twice. */
  readonly octets: () => AsyncIterable<Uint8Array>;
}
