/**
 * Where daemons listen inside their pods, and where Services lead there from. Above 1024, so that no capability is needed.
 */
import type { Component, Installation, ServiceName, SetComponent } from "./installation.ts";

export interface Port {
  /** As `--listen` and the container name it. */
  readonly name:
    | "smtp"
    | "submission"
    | "submissions"
    | "imap"
    | "imaps"
    | "pop3"
    | "pop3s"
    | "managesieve"
    | "mta-sts";
  /** In the pod. */
  readonly port: number;
  /** At the Service: what clients use. RFC 8314 §7 for submissions, imaps and pop3s. */
  readonly servicePort: number;
}

export const healthPort = 8025;

export const portsOfService: Readonly<Record<ServiceName, readonly Port[]>> = {
  smtp: [{ name: "smtp", port: 2525, servicePort: 25 }],
  submission: [
    { name: "submission", port: 2587, servicePort: 587 },
    { name: "submissions", port: 2465, servicePort: 465 },
  ],
  imap: [
    { name: "imap", port: 2143, servicePort: 143 },
    { name: "imaps", port: 2993, servicePort: 993 },
    // RFC 5804 §1.8: where those who read mail change their scripts.
    { name: "managesieve", port: 4190, servicePort: 4190 },
  ],
  pop3: [
    { name: "pop3", port: 2110, servicePort: 110 },
    { name: "pop3s", port: 2995, servicePort: 995 },
  ],
  // RFC 8461 §3.3: policies are served by HTTPS.
  mtaSts: [{ name: "mta-sts", port: 8443, servicePort: 443 }],
};

export const servicesOf: Readonly<Record<SetComponent, readonly ServiceName[]>> = {
  gateway: ["smtp", "submission", "mtaSts"],
  mailbox: ["imap", "pop3"],
};

/** Those of the services that are enabled. */
export function openPorts(
  { services }: Pick<Installation, "services">,
  component: Component,
): readonly Port[] {
  if (component === "relay") return [];
  return servicesOf[component].flatMap((name) => (services[name].enabled ? portsOfService[name] : []));
}

/** Those of the services that are not: their listeners are to be turned off, if they are not off anyway. */
export function closedPorts(
  { services }: Pick<Installation, "services">,
  component: Component,
): readonly Port[] {
  if (component === "relay") return [];
  return servicesOf[component].flatMap((name) =>
    services[name].enabled || name === "mtaSts" ? [] : portsOfService[name],
  );
}
