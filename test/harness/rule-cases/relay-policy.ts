/** The rules of a RelayPolicy. */
import type { RuleCase, Spec } from "./case.ts";
import { hookCases } from "./webhooks.ts";

const smarthost = (more: Spec = {}) => ({ smarthost: { host: "smtp.example.org", ...more } });
const auth = { authSecretRef: { name: "provider" } };

export const relayPolicyCases: readonly RuleCase[] = [
  ...hookCases("RelayPolicy", (more) => more),
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
