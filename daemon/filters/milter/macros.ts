/**
 * Macros: facts that milters know by Sendmail's names.
 *
 * Out:    for each step a packet that goes before it, or none.
 */
import { domainOf } from "../../mail/address.ts";
import type { Letter } from "../filter.ts";
import { frame, octetText, texts } from "./frames.ts";

/** The letter of the step's own packet. */
export type MacroStep = "C" | "H" | "M" | "R" | "E";

export function macros(
  step: MacroStep,
  letter: Letter,
  recipient?: Letter["recipients"][number],
): Buffer | undefined {
  const values = Object.entries(valuesAt(step, letter, recipient)).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
  );
  if (values.length === 0) return undefined;
  return frame("D", step, texts(...values.flatMap(([name, value]) => [name, octetText(value)])));
}

function valuesAt(
  step: MacroStep,
  { id, hostname, origin, sender }: Letter,
  recipient: Letter["recipients"][number] | undefined,
): Readonly<Record<string, string | undefined>> {
  const { client, user, tls } = origin;
  switch (step) {
    case "C":
      return {
        j: hostname,
        _: `[${client}]`,
        "{daemon_name}": "postfleet",
        v: "Postfleet",
        "{client_addr}": client,
        "{client_name}": `[${client}]`,
      };
    case "H":
      return { "{tls_version}": tls?.protocol, "{cipher}": tls?.cipher };
    case "M": {
      const host = sender.path === "" ? undefined : domainOf(sender.path);
      const login = { "{auth_type}": user && "SASL", "{auth_authen}": user };
      return { i: id, ...login, "{mail_addr}": sender.path, "{mail_host}": host, "{mail_mailer}": "smtp" };
    }
    case "R":
      return {
        "{rcpt_addr}": recipient,
        "{rcpt_host}": recipient && domainOf(recipient),
        "{rcpt_mailer}": "smtp",
      };
    case "E":
      return { i: id };
  }
}
