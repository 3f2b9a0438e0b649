/**
 * Content-Transfer-Encoding undone, piece by piece.
 *
 * In:     octets of a part's body, split anywhere.
 * Out:    the octets that were meant. Damage is passed over, as mail readers do.
 * Fails:  `decoder` gives `undefined` for an encoding that it does not know.
 * Spec:   RFC 2045 §6.7 (quoted-printable), §6.8 (base64).
 */
export interface Decoder {
  write(octets: Buffer): Buffer;
  end(): Buffer;
}

const nothing = Buffer.alloc(0);

export function decoder(encoding: string): Decoder | undefined {
  switch (encoding) {
    case "":
    case "7bit":
    case "8bit":
    case "binary":
      return { write: (octets) => octets, end: () => nothing };
    case "base64":
      return new Base64();
    case "quoted-printable":
      return new QuotedPrintable();
    default:
      return undefined;
  }
}

const notBase64 = /[^A-Za-z0-9+/]+/g;

class Base64 implements Decoder {
  /** Up to three characters of a group that is split. */
  #rest = "";

  write(octets: Buffer): Buffer {
    const text = this.#rest + octets.toString("latin1").replace(notBase64, "");
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return Buffer.from(text.slice(0, whole), "base64");
  }

  end(): Buffer {
    const rest = this.#rest;
    this.#rest = "";
    return Buffer.from(rest, "base64");
  }
}

const escapes = /=(?:([0-9A-Fa-f]{2})|[ \t]*\r?\n)/g;
const trailing = /[ \t]+(?=\r?\n)/g;
/** An escape, or white space that may turn out to end a line, at the end of a piece. */
const open = /(?:=[0-9A-Fa-f]?|=[ \t]*\r?|[ \t]+\r?)$/;
const longestOpen = 1_024;

class QuotedPrintable implements Decoder {
  #rest = "";

  write(octets: Buffer): Buffer {
    const text = this.#rest + octets.toString("latin1");
    const tail = open.exec(text.slice(-longestOpen))?.[0].length ?? 0;
    this.#rest = text.slice(text.length - tail);
    return undo(text.slice(0, text.length - tail));
  }

  end(): Buffer {
    const rest = this.#rest.trimEnd();
    this.#rest = "";
    return undo(rest);
  }
}

const undo = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(trailing, "")
      .replace(escapes, (_, hex: string | undefined) =>
        hex === undefined ? "" : String.fromCharCode(Number.parseInt(hex, 16)),
      ),
    "latin1",
  );
