/**
 * What CAPA lists: only what works now, for this client, in this state.
 *
 * Spec: RFC 2449 §5, §6; RFC 3206 §4 (AUTH-RESP-CODE); RFC 5034 §3 (SASL); RFC 2595 §4 (STLS); RFC 6856 §2 (UTF8: with
 *       USER, since names and passwords may be UTF-8; who does not say UTF8 gets headers in ASCII, §4). There is no LANG: answers
 *       are English.
 */
export interface Offers {
  readonly user: boolean;
  readonly stls: boolean;
  readonly mechanisms: readonly string[];
}

const always = [
  "TOP",
  "UIDL",
  "PIPELINING",
  "RESP-CODES",
  "AUTH-RESP-CODE",
  "EXPIRE NEVER",
  "UTF8 USER",
  "IMPLEMENTATION Postfleet",
] as const;

export function capabilities({ user, stls, mechanisms }: Offers): readonly string[] {
  const offers: string[] = [...always];
  if (user) offers.push("USER");
  if (mechanisms.length > 0) offers.push(`SASL ${mechanisms.join(" ")}`);
  if (stls) offers.push("STLS");
  return offers;
}
