/**
 * A letter for tests of content filters.
 */
import type { Letter } from "../../daemon/filters/filter.ts";
import type { Address } from "../../daemon/mail/address.ts";

export const usualText = "From: x@far.test\r\nSubject: hi\r\n there\r\n\r\nhello\r\n";

export function aLetter(
  over: Partial<Omit<Letter, "size" | "octets">> = {},
  text: string | Buffer = usualText,
): Letter {
  const octets = Buffer.from(text as string, "latin1");
  return {
    id: "01abc",
    hostname: "mx.example.test",
    origin: { client: "192.0.2.1", helo: "mail.far.test", protocol: "ESMTP" },
    sender: { path: "x@far.test" as Address, body: "7BIT", smtputf8: false },
    recipients: ["alice@example.test" as Address],
    ...over,
    size: octets.length,
    async *octets() {
      // Split where nobody expects it.
      for (let at = 0; at < octets.length; at += 70_000) yield octets.subarray(at, at + 70_000);
    },
  };
}
