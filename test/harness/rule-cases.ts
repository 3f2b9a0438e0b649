/**
 * Every CEL rule of the CRDs once broken and once kept. `crds/rules.test.ts` tries them with our own evaluation (and fails
 * when a rule is missing here), `test/kubernetes` with the API server's.
 */
import type { Kind } from "../../crds/schema.ts";

export type Spec = Readonly<Record<string, unknown>>;
export interface RuleCase {
  readonly kind: Kind;
  /** The beginning of the rule's message. */
  readonly says: string;
  readonly at: string;
  readonly broken: Spec;
  readonly kept: Spec;
  /** The spec before, for rules about changes. */
  readonly old?: Spec;
}

const domain = (more: Spec = {}): Spec => ({ domain: "example.org", ...more });
const mailbox = (more: Spec = {}): Spec => ({ address: "alice@example.org", ...more });
const smarthost = (more: Spec = {}) => ({ smarthost: { host: "smtp.example.org", ...more } });
const filtered = (where: "inbound" | "outbound", more: Spec) =>
  domain({ [where]: { filters: [{ name: "scan", ...more }] } });
const milter = { milter: { address: "clamav.tools.svc:7357" } };
const rspamd = { rspamd: { url: "http://rspamd.tools.svc:11333" } };
const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const proven = (url: string, more: Spec) => ({ rspamd: { url: `${url}://rspamd.tools.svc:11334`, ...more } });
const filterCases = (where: "inbound" | "outbound"): readonly RuleCase[] => [
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
const hooked = (url: string) => ({ webhooks: [{ name: "crm", secretRef: { name: "hooks" }, url }] });
const goodHook = hooked("https://hooks.example.org:8443/mail?token=a@b");
const hookCases = (kind: "MailDomain" | "RelayPolicy", spec: (more: Spec) => Spec): readonly RuleCase[] => [
  {
    kind,
    says: "url must begin with https://",
    at: "webhooks[0].url",
    broken: spec(hooked("http://hooks.example.org/mail")),
    kept: spec(hooked("http://127.0.0.1:9000/mail")),
  },
  {
    kind,
    says: "url must hold neither a password nor a fragment",
    at: "webhooks[0].url",
    broken: spec(hooked("https://user:secret@hooks.example.org/")),
    kept: spec(goodHook),
  },
];
const auth = { authSecretRef: { name: "provider" } };

export const ruleCases: readonly RuleCase[] = [
  ...hookCases("MailDomain", domain),
  ...hookCases("RelayPolicy", (more) => more),
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
    kind: "RelayPolicy",
    says: "tlsReports with mode: Send needs from",
    at: "tlsReports",
    broken: { tlsReports: { mode: "Send" } },
    kept: { tlsReports: { mode: "Send", from: "tls@example.org" } },
  },
  {
    kind: "RelayPolicy",
    says: "tlsReports.from must be a whole address",
    at: "tlsReports.from",
    broken: { tlsReports: { mode: "Send", from: "postmaster" } },
    kept: { tlsReports: { mode: "Off" } },
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
  {
    kind: "Mailbox",
    says: "keepCopy: false without forwardTo",
    at: "",
    broken: mailbox({ keepCopy: false }),
    kept: mailbox({ keepCopy: false, forwardTo: ["a@example.com"] }),
  },
  {
    kind: "Mailbox",
    says: "forwardTo must not hold the mailbox's own address",
    at: "",
    broken: mailbox({ forwardTo: ["Alice@Example.org"] }),
    kept: mailbox({ forwardTo: ["alice@example.com"] }),
  },
  {
    kind: "Mailbox",
    says: "aliases must not hold the mailbox's own address",
    at: "",
    broken: mailbox({ aliases: ["ALICE@example.org"] }),
    kept: mailbox({ aliases: ["a.liddell@example.org"] }),
  },
  {
    kind: "Mailbox",
    says: "address cannot be changed",
    at: "address",
    old: mailbox(),
    broken: { address: "bob@example.org" },
    kept: mailbox({ quota: "1Gi" }),
  },
  {
    kind: "Mailbox",
    says: "address must be a whole address",
    at: "address",
    broken: { address: "a..b@example.org" },
    kept: { address: "\u00e4.b+c@B\u00fccher.example" },
  },
  {
    kind: "Mailbox",
    says: "write a whole address",
    at: "aliases[0]",
    broken: mailbox({ aliases: ["liddell"] }),
    kept: mailbox({ aliases: ["liddell@example.org"] }),
  },
  {
    kind: "Mailbox",
    says: "write a whole address",
    at: "forwardTo[0]",
    broken: mailbox({ forwardTo: ["liddell"] }),
    kept: mailbox({ forwardTo: ["liddell@example.com"] }),
  },
  {
    kind: "RelayPolicy",
    says: "route must hold exactly one of mx and smarthost",
    at: "route",
    broken: { route: { mx: {}, ...smarthost() } },
    kept: { route: smarthost() },
  },
  {
    kind: "RelayPolicy",
    says: "smarthost with authSecretRef needs tls",
    at: "route.smarthost",
    broken: { route: smarthost({ ...auth, tls: "Opportunistic" }) },
    kept: { route: { smarthost: { host: "127.0.0.1", tls: "Off", ...auth } } },
  },
  {
    kind: "RelayPolicy",
    says: "host is only a host name or an address",
    at: "route.smarthost.host",
    broken: { route: { smarthost: { host: "smtp.example.org:465" } } },
    kept: { route: { smarthost: { host: "::1" } } },
  },
  {
    kind: "RelayPolicy",
    says: "write the network with its prefix length",
    at: "acceptFrom.cidrs[0]",
    broken: { acceptFrom: { cidrs: ["10.0.0.1"] } },
    kept: { acceptFrom: { cidrs: ["10.0.0.1/32"] } },
  },
  {
    kind: "RelayPolicy",
    says: "a network of every address would make an open relay",
    at: "acceptFrom.cidrs[0]",
    broken: { acceptFrom: { cidrs: ["::/0"] } },
    kept: { acceptFrom: { cidrs: ["10.0.0.0/10"] } },
  },
  {
    kind: "RelayPolicy",
    says: "match is a domain such as example.org",
    at: "destinations[0].match",
    broken: { destinations: [{ match: "a@example.org" }] },
    kept: { destinations: [{ match: "*.example.org" }] },
  },
  {
    kind: "RelayPolicy",
    says: "route must hold exactly one of mx and smarthost",
    at: "destinations[0].route",
    broken: { destinations: [{ match: "example.org", route: {} }] },
    kept: { destinations: [{ match: "example.org", route: { mx: {} } }] },
  },
  {
    kind: "RelayPolicy",
    says: "smarthost with authSecretRef needs tls",
    at: "destinations[0].route.smarthost",
    broken: { destinations: [{ match: "example.org", route: smarthost({ ...auth, tls: "Off" }) }] },
    kept: { destinations: [{ match: "example.org", route: smarthost({ ...auth, tls: "Implicit" }) }] },
  },
  {
    kind: "RelayPolicy",
    says: "host is only a host name or an address",
    at: "destinations[0].route.smarthost.host",
    broken: {
      destinations: [{ match: "example.org", route: { smarthost: { host: "https://example.org" } } }],
    },
    kept: { destinations: [{ match: "example.org", route: { smarthost: { host: "192.0.2.1" } } }] },
  },
  {
    kind: "RelayPolicy",
    says: "retry.max must not be shorter than retry.initial",
    at: "retry",
    broken: { retry: { initial: "5h" } },
    kept: { retry: { initial: "240m" } },
  },
  {
    kind: "RelayPolicy",
    says: "retry.expireAfter must be longer than retry.initial",
    at: "retry",
    broken: { retry: { expireAfter: "300s", delayNoticeAfter: "0s" } },
    kept: { retry: { expireAfter: "301s", delayNoticeAfter: "0s" } },
  },
  {
    kind: "RelayPolicy",
    says: "retry.delayNoticeAfter must be shorter than retry.expireAfter",
    at: "retry",
    broken: { retry: { delayNoticeAfter: "5d" } },
    kept: { retry: { delayNoticeAfter: "4d" } },
  },
  {
    kind: "RelayPolicy",
    says: "autoscaling.max must not be smaller than autoscaling.min",
    at: "autoscaling",
    broken: { autoscaling: { min: 11 } },
    kept: { autoscaling: { min: 10 } },
  },
  {
    kind: "RelayPolicy",
    says: "autoscaling.min must be 1 or more with mode: HPA",
    at: "autoscaling",
    broken: { autoscaling: { mode: "HPA", min: 0 } },
    kept: { autoscaling: { mode: "KEDA", min: 0 } },
  },
  {
    kind: "RelayPolicy",
    says: "env must not hold a variable that the operator sets",
    at: "podTemplate.env[0]",
    broken: { podTemplate: { env: [{ name: "NATS_URL", value: "nats://elsewhere" }] } },
    kept: { podTemplate: { env: [{ name: "TZ", value: "UTC" }] } },
  },
  {
    kind: "RelayPolicy",
    says: "sidecars must not be named postfleet",
    at: "podTemplate.sidecars[0]",
    broken: { podTemplate: { sidecars: [{ name: "postfleet", image: "proxy:1" }] } },
    kept: { podTemplate: { sidecars: [{ name: "proxy", image: "proxy:1", args: ["--port", "9000"] }] } },
  },
  {
    kind: "RelayPolicy",
    says: "volumes must not have the name of a volume that the operator adds",
    at: "podTemplate.volumes[0]",
    broken: { podTemplate: { volumes: [{ name: "postfleet-tmp", emptyDir: {} }] } },
    kept: { podTemplate: { volumes: [{ name: "cache", emptyDir: { sizeLimit: "1Gi" } }] } },
  },
];
