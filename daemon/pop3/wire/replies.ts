/**
 * What a POP3 server says, and whether it refused last. RFC 1939 §3
 */
import { Output } from "../../kit/output.ts";

export class Replies extends Output {
  /** The status that was told last was `-ERR`. */
  refused = false;

  override line(text: string): void {
    if (text.startsWith("+OK")) this.refused = false;
    else if (text.startsWith("-ERR")) this.refused = true;
    super.line(text);
  }
}
