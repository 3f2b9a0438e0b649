/** The rules of a MailDomain. */
import type { RuleCase, Spec } from "./case.ts";
import { filterCases, pem } from "./filters.ts";
import { hookCases } from "./webhooks.ts";

const domain = (more: Spec = {}): Spec => ({ domain: "example.org", ...more });

export const mailDomainCases: readonly RuleCase[] = [
  ...hookCases("MailDomain", domain),
  ...filterCases("inbound"),
  ...filterCases("outbound"),
  {
    kind: "MailDomain",
    says: "catchAll works only with delivery: {mailbox: {}}",
    at: "",
    broken: domain({ catchAll: "a@example.org", delivery: { lmtp: { host: "imap" } } }),
    kept: domain({ catchAll: "a@example.org" }),
  },
  {
    kind: "MailDomain",
    says: "issuer must be an https URL",
    at: "oidc.issuer",
    broken: domain({ oidc: { issuer: "http://login.example.org", audience: "mail" } }),
    kept: domain({ oidc: { issuer: "https://login.example.org/realms/mail", audience: "mail" } }),
  },
  {
    kind: "MailDomain",
    says: "caBundle must hold PEM certificates",
    at: "oidc.caBundle",
    broken: domain({ oidc: { issuer: "https://login.example.org", audience: "mail", caBundle: "none" } }),
    kept: domain({
      oidc: {
        issuer: "https://login.example.org",
        audience: "mail",
        caBundle: pem,
      },
    }),
  },
  {
    kind: "MailDomain",
    says: "dmarc.reports.from must be a whole address",
    at: "inbound.dmarc.reports.from",
    broken: domain({ inbound: { dmarc: { reports: { mode: "Send", from: "postmaster" } } } }),
    kept: domain({ inbound: { dmarc: { reports: { mode: "Send", from: "dmarc@example.org" } } } }),
  },
  {
    kind: "MailDomain",
    says: "domain cannot be changed",
    at: "domain",
    old: domain(),
    broken: { domain: "example.com" },
    kept: domain(),
  },
  {
    kind: "MailDomain",
    says: "domain must be a full domain name",
    at: "domain",
    broken: { domain: "user@example.org" },
    kept: { domain: "B\u00fccher.example" },
  },
  {
    kind: "MailDomain",
    says: "name is only the part before the @",
    at: "aliases[0].name",
    broken: domain({ aliases: [{ name: "a@example.org", to: ["b@example.org"] }] }),
    kept: domain({ aliases: [{ name: "a.b", to: ["b@example.org"] }] }),
  },
  {
    kind: "MailDomain",
    says: "write a whole address",
    at: "aliases[0].to[1]",
    broken: domain({ aliases: [{ name: "a", to: ["b@example.org", "c"] }] }),
    kept: domain({ aliases: [{ name: "a", to: ["b@example.org", "c@example.org"] }] }),
  },
  {
    kind: "MailDomain",
    says: "catchAll must be a whole address",
    at: "catchAll",
    broken: domain({ catchAll: "alice" }),
    kept: domain({ catchAll: "alice@example.org" }),
  },
  {
    kind: "MailDomain",
    says: "delivery must hold exactly one of mailbox, lmtp and forward",
    at: "delivery",
    broken: domain({ delivery: { mailbox: {}, forward: { to: ["a@example.com"] } } }),
    kept: domain({ delivery: { forward: { to: ["a@example.com"] } } }),
  },
  {
    kind: "MailDomain",
    says: "host is only a host name or an address",
    at: "delivery.lmtp.host",
    broken: domain({ delivery: { lmtp: { host: "imap.example.org:24" } } }),
    kept: domain({ delivery: { lmtp: { host: "2001:db8::24" } } }),
  },
  {
    kind: "MailDomain",
    says: "write a whole address",
    at: "delivery.forward.to[0]",
    broken: domain({ delivery: { forward: { to: ["example.com"] } } }),
    kept: domain({ delivery: { forward: { to: ["info@example.com"] } } }),
  },
  {
    kind: "MailDomain",
    says: "dkim.selector is one label",
    at: "dkim.selector",
    broken: domain({ dkim: { selector: "s1._domainkey" } }),
    kept: domain({ dkim: { selector: "s1-2027" } }),
  },
  {
    kind: "MailDomain",
    says: "dnsLists.junkAt must not be above dnsLists.rejectAt",
    at: "inbound.dnsLists",
    broken: domain({
      inbound: { dnsLists: { lists: [{ zone: "bl.example.org" }], junkAt: 5, rejectAt: 4 } },
    }),
    kept: domain({ inbound: { dnsLists: { lists: [{ zone: "bl.example.org" }], junkAt: 4, rejectAt: 4 } } }),
  },
  {
    kind: "MailDomain",
    says: "dnsLists.lists is empty",
    at: "inbound.dnsLists",
    broken: domain({ inbound: { dnsLists: { rejectAt: 4 } } }),
    kept: domain({ inbound: { dnsLists: { lists: [{ zone: "bl.example.org", weight: 4 }], rejectAt: 4 } } }),
  },
  {
    kind: "MailDomain",
    says: "match must be an address that starts with 127",
    at: "inbound.dnsLists.lists[0].answers[0].match",
    broken: domain({
      inbound: {
        dnsLists: { lists: [{ zone: "bl.example.org", answers: [{ match: "10.0.0.2", weight: 1 }] }] },
      },
    }),
    kept: domain({
      inbound: {
        dnsLists: {
          lists: [{ zone: "bl.example.org", answers: [{ match: "127.0.0.2-127.0.0.9", weight: 1 }] }],
        },
      },
    }),
  },
  {
    kind: "MailDomain",
    says: "greylisting.delay must be shorter than greylisting.within",
    at: "inbound.greylisting",
    broken: domain({ inbound: { greylisting: { enabled: true, delay: "2h", within: "60m" } } }),
    kept: domain({ inbound: { greylisting: { enabled: true, delay: "59m", within: "1h" } } }),
  },
  {
    kind: "MailDomain",
    says: "tls must hold exactly one of secretName and issuerRef",
    at: "tls",
    broken: domain({ tls: { secretName: "mail-tls", issuerRef: { name: "letsencrypt" } } }),
    kept: domain({ tls: { issuerRef: { name: "letsencrypt" } } }),
  },
];
