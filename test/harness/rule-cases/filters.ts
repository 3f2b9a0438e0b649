/** The rules of content filters, on the way in and on the way out. */
import type { RuleCase, Spec } from "./case.ts";

const filtered = (where: "inbound" | "outbound", more: Spec) => ({
  domain: "example.org",
  [where]: { filters: [{ name: "scan", ...more }] },
});
const milter = { milter: { address: "clamav.tools.svc:7357" } };
const rspamd = { rspamd: { url: "http://rspamd.tools.svc:11333" } };
export const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const proven = (url: string, more: Spec) => ({ rspamd: { url: `${url}://rspamd.tools.svc:11334`, ...more } });
export const filterCases = (where: "inbound" | "outbound"): readonly RuleCase[] => [
  {
    kind: "MailDomain",
    says: "a filter must be exactly one of milter and rspamd",
    at: `${where}.filters[0]`,
    broken: filtered(where, { ...milter, ...rspamd }),
    kept: filtered(where, rspamd),
  },
  {
    kind: "MailDomain",
    says: "junkField is for milters",
    at: `${where}.filters[0]`,
    broken: filtered(where, { ...rspamd, junkField: "X-Spam-Flag: YES" }),
    kept: filtered(where, { ...milter, junkField: "X-Spam-Flag: YES" }),
  },
  {
    kind: "MailDomain",
    says: "address must be host:port",
    at: `${where}.filters[0].milter.address`,
    broken: filtered(where, { milter: { address: "inet:7357@clamav.tools.svc" } }),
    kept: filtered(where, { milter: { address: "unix:/run/clamav/milter.sock" } }),
  },
  {
    kind: "MailDomain",
    says: "serverName and caBundle say how a certificate is proven",
    at: `${where}.filters[0].rspamd`,
    broken: filtered(where, proven("http", { serverName: "rspamd.example.org" })),
    kept: filtered(where, proven("https", { serverName: "rspamd.example.org" })),
  },
  {
    kind: "MailDomain",
    says: "caBundle must hold PEM certificates",
    at: `${where}.filters[0].rspamd.caBundle`,
    broken: filtered(where, proven("https", { caBundle: "none" })),
    kept: filtered(where, proven("https", { caBundle: pem })),
  },
];
