/**
 * Makes an `Installation` of the configuration that the chart wrote: what it leaves out has defaults, resources one by one.
 */
import { parseDuration, parseQuantity } from "../../crds/quantities.ts";
import type { Resources } from "../../crds/types.ts";
import type { DaemonConfig, OperatorConfig, ServiceConfig } from "../config.ts";
import {
  completeInstallation,
  type Installation,
  podDefaults,
  type ServiceOptions,
  type SetOptions,
  serviceDefaults,
  setDefaults,
} from "./installation.ts";
import { resourcesOf } from "./pod-options.ts";

export function installationOf(config: OperatorConfig): Installation {
  const { hostname, proxyProtocol, dns, gateway, mailbox, relay, services, events, webhooks, ...same } =
    config;
  return completeInstallation({
    ...same,
    ...(hostname === undefined ? {} : { hostname }),
    gateway: setOf(gateway),
    mailbox: setOf(mailbox),
    relay: { ...podDefaults, resources: laid(relay.resources) },
    services: {
      smtp: serviceOf(services.smtp),
      submission: serviceOf(services.submission),
      imap: serviceOf(services.imap),
      pop3: serviceOf(services.pop3),
      mtaSts: serviceOf(services.mtaSts),
    },
    trustedProxies: proxyProtocol.trustedCidrs,
    dnsServers: dns.servers,
    daemonResolvers: dns.daemons,
    events: {
      ageMs: parseDuration(events.retention) ?? 0,
      ...(events.size === undefined ? {} : { bytes: parseQuantity(events.size) ?? 0 }),
      keep: events.keep,
    },
    webhookNetworks: webhooks.networks,
  });
}

const setOf = ({ replicas, maxReplicas, resources: given, podTemplate }: DaemonConfig): SetOptions => ({
  ...setDefaults,
  replicas,
  maxReplicas,
  resources: laid(given),
  podTemplate,
});

const laid = (given: Resources): Resources =>
  resourcesOf({ resources: podDefaults.resources, podTemplate: { resources: given } });

const serviceOf = (given: ServiceConfig): ServiceOptions =>
  ({ ...serviceDefaults, ...given }) as ServiceOptions;
