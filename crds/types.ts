/**
 * Specs and statuses of the resources, with defaults applied. Generated from the CRDs by `make generate`: do not edit.
 */
export interface Alias {
  /** The part before the @; upper and lower case are the same. */
  readonly name: string;
  /** Addresses here or elsewhere that get the mail. */
  readonly to: readonly string[];
}

/** Limits for mail to this domain, on top of those of the RelayPolicy. */
export interface DomainLimits {
  /** The largest message for this domain, such as 10Mi. */
  readonly messageSize?: number | string;
  /** Recipients of this domain in one message. */
  readonly recipients?: number;
  /** Messages a minute for this domain from outside, counted by each gateway. */
  readonly messagesPerMinute?: number;
}

/** alice+anything@ reaches alice@. */
export interface PlusAddressing {
  /** The character between name and detail; "" turns it off. */
  readonly separator: "+" | "-" | "=" | "_" | "." | "";
}

/** To a mailbox server of your own, by LMTP. Every name of the domain is accepted here, and that server answers for each recipient; Mailboxes of the domain only serve to log in. */
export interface Lmtp {
  /** A host name or an IP address. */
  readonly host: string;
  readonly port: number;
  /** Opportunistic: STARTTLS when offered. Require: STARTTLS with a certificate that is valid for the host, or no delivery. Off: never. */
  readonly tls: "Opportunistic" | "Require" | "Off";
}

/** Every message for this domain goes to these addresses, apart from its aliases; Mailboxes of the domain only serve to log in. */
export interface Forward {
  readonly to: readonly string[];
}

/** Where mail for this domain goes; exactly one of mailbox, lmtp, forward. */
export interface Delivery {
  /** Into the Mailboxes of this domain. */
  readonly mailbox?: Readonly<Record<string, never>>;
  /** To a mailbox server of your own, by LMTP. Every name of the domain is accepted here, and that server answers for each recipient; Mailboxes of the domain only serve to log in. */
  readonly lmtp?: Lmtp;
  /** Every message for this domain goes to these addresses, apart from its aliases; Mailboxes of the domain only serve to log in. */
  readonly forward?: Forward;
}

/** The RelayPolicy, in the same namespace, for what this domain's users send and for what is forwarded. A policy named default need not exist. */
export interface RelayPolicyRef {
  readonly name: string;
}

/** A domain whose mail we accept and deliver. */
export interface MailDomainSpec {
  /** The domain after the @, in U-label or A-label form. It cannot be changed later. */
  readonly domain: string;
  /** Names in this domain that stand for other addresses. */
  readonly aliases: readonly Alias[];
  /** The address that gets mail for names that do not exist. Without it such mail is refused. */
  readonly catchAll?: string;
  /** Limits for mail to this domain, on top of those of the RelayPolicy. */
  readonly limits: DomainLimits;
  /** alice+anything@ reaches alice@. */
  readonly plusAddressing: PlusAddressing;
  /** Where mail for this domain goes; exactly one of mailbox, lmtp, forward. */
  readonly delivery: Delivery;
  /** The RelayPolicy, in the same namespace, for what this domain's users send and for what is forwarded. A policy named default need not exist. */
  readonly relayPolicyRef: RelayPolicyRef;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface MailDomainStatus {
  readonly observedGeneration?: number;
  /** How many pods work with this generation, such as 3/3. */
  readonly loaded?: string;
  readonly conditions?: readonly Condition[];
}

/** The Secret, in the same namespace, that holds the password, as plain text or as an argon2id hash ($argon2id$…). Without it nobody can log in. */
export interface PasswordSecretRef {
  readonly name: string;
  readonly key: string;
}

/** A place where mail for one address is kept until it is fetched. */
export interface MailboxSpec {
  /** The address, whose domain a MailDomain of the same namespace declares. It cannot be changed later; upper and lower case are the same. */
  readonly address: string;
  /** The most octets the mailbox holds, such as 1Gi. Without it there is no limit. */
  readonly quota?: number | string;
  /** The most messages the mailbox holds. Without it there is no limit. */
  readonly messageQuota?: number;
  /** The Secret, in the same namespace, that holds the password, as plain text or as an argon2id hash ($argon2id$…). Without it nobody can log in. */
  readonly passwordSecretRef?: PasswordSecretRef;
  /** Further addresses of this mailbox, in domains of the same namespace. */
  readonly aliases: readonly string[];
  /** Addresses that also get every message. */
  readonly forwardTo: readonly string[];
  /** Whether a message that is forwarded is also kept here. */
  readonly keepCopy: boolean;
  /** A suspended mailbox refuses mail and logins for now; what it holds is kept. */
  readonly suspended: boolean;
}

export interface MailboxStatus {
  readonly observedGeneration?: number;
  /** Octets held; updated now and then. */
  readonly bytes?: number;
  /** Messages held; updated now and then. */
  readonly messages?: number;
  readonly conditions?: readonly Condition[];
}

/** The Secret, in the same namespace, with username and password for the smarthost. */
export interface AuthSecretRef {
  readonly name: string;
  readonly usernameKey: string;
  readonly passwordKey: string;
}

/** To one host that passes everything on. */
export interface Smarthost {
  /** A host name or an IP address; MX records are not looked up. */
  readonly host: string;
  readonly port: number;
  /** Require: STARTTLS with a certificate that is valid for the host, or no delivery. Implicit: TLS from the first octet (port 465), certificate likewise. Opportunistic: STARTTLS when offered. Off: never. */
  readonly tls: "Opportunistic" | "Require" | "Implicit" | "Off";
  /** The Secret, in the same namespace, with username and password for the smarthost. */
  readonly authSecretRef?: AuthSecretRef;
}

/** The way out; exactly one of mx and smarthost. */
export interface Route {
  /** To the MX hosts of each recipient's domain. */
  readonly mx?: Readonly<Record<string, never>>;
  /** To one host that passes everything on. */
  readonly smarthost?: Smarthost;
}

/** Clients that may send to any domain without logging in. */
export interface AcceptFrom {
  /** Networks such as 10.0.0.0/8 or 2001:db8::/32. */
  readonly cidrs: readonly string[];
  /** What to do with a bare CR or LF in a message of these clients and of users who logged in: refuse the message, or turn it into CRLF. */
  readonly lineEnds: "Refuse" | "Normalize";
}

/** Limits for clients, counted by each gateway. Those of the policy named default also hold for strangers. */
export interface ClientLimits {
  /** Open connections of all clients together. */
  readonly connections: number;
  /** Open connections of one client address. */
  readonly connectionsPerClient: number;
  /** Messages a minute from one client address that neither logged in nor is in acceptFrom. */
  readonly messagesPerMinutePerClient: number;
  /** Messages a minute from one user who logged in. */
  readonly messagesPerMinutePerUser: number;
  /** The largest message, such as 25Mi. */
  readonly messageSize: number | string;
  /** Recipients of one message. RFC 5321 §4.5.3.1.8 asks for at least 100. */
  readonly recipients: number;
}

/** Limits towards one site (the hosts a destination resolves to) unless a destination below says otherwise. */
export interface SiteLimits {
  /** Open connections to one site. */
  readonly maxConnections: number;
  /** Messages sent over one connection before it is closed. */
  readonly messagesPerConnection: number;
  /** Messages a minute to one site. Without it there is no limit. */
  readonly ratePerMinute?: number;
}

export interface Destination {
  /** A domain such as example.org, or a suffix such as *.example.org for every domain below it (not example.org itself). */
  readonly match: string;
  /** The way out; exactly one of mx and smarthost. */
  readonly route?: Route;
  /** Open connections to the site. */
  readonly maxConnections?: number;
  /** Messages sent over one connection before it is closed. */
  readonly messagesPerConnection?: number;
  /** Messages a minute to the site. */
  readonly ratePerMinute?: number;
  /** Overrides the policy's tls. */
  readonly tls?: "Opportunistic" | "Require" | "Off";
}

/** When a delivery that failed for now is tried again. Times are a whole number with s, m, h or d. */
export interface Retry {
  /** The wait after the first attempt. */
  readonly initial: string;
  /** Each wait is this many times the last one. */
  readonly factor: number;
  /** The longest wait between two attempts. */
  readonly max: string;
  /** A message this old is given up and returned to its sender. RFC 5321 §4.5.4.1 asks for 4 to 5 days. */
  readonly expireAfter: string;
  /** The sender is told once when a message is this late; 0s for never. */
  readonly delayNoticeAfter: string;
  /** Each wait is spread by up to this much, either way. */
  readonly jitterPercent: number;
}

/** How we present ourselves to next hops. */
export interface Identity {
  /** The name in EHLO; by default the daemon's host name. It should resolve to the address that mail comes from, and back. */
  readonly ehloName?: string;
  /** Local addresses that connections are made from, in turn; one of the family of the next hop is taken. */
  readonly sourceAddresses: readonly string[];
}

/** Who may send through us, how mail leaves, and how long it is tried. */
export interface RelayPolicySpec {
  /** The way out; exactly one of mx and smarthost. */
  readonly route: Route;
  /** Clients that may send to any domain without logging in. */
  readonly acceptFrom: AcceptFrom;
  /** Limits for clients, counted by each gateway. Those of the policy named default also hold for strangers. */
  readonly limits: ClientLimits;
  /** Limits towards one site (the hosts a destination resolves to) unless a destination below says otherwise. */
  readonly sites: SiteLimits;
  /** Exceptions for recipients' domains. An exact match wins, then the longest suffix. */
  readonly destinations: readonly Destination[];
  /** When a delivery that failed for now is tried again. Times are a whole number with s, m, h or d. */
  readonly retry: Retry;
  /** On the way to MX hosts. Opportunistic: STARTTLS when offered, any certificate. Require: STARTTLS or no delivery. Off: never. */
  readonly tls: "Opportunistic" | "Require" | "Off";
  /** How we present ourselves to next hops. */
  readonly identity: Identity;
  /** Nothing is sent while this is true; mail is still accepted and waits. */
  readonly paused: boolean;
  /** Relay pods in a cluster. */
  readonly replicas: number;
}

export interface RelayPolicyStatus {
  readonly observedGeneration?: number;
  /** Relay pods there are. */
  readonly replicas?: number;
  /** Finds the relay pods; for autoscalers. */
  readonly selector?: string;
  readonly conditions?: readonly Condition[];
}

/** What holds where no RelayPolicy named `default` is declared. */
export const defaultRelayPolicy: RelayPolicySpec = {
  "route": {
    "mx": {}
  },
  "acceptFrom": {
    "cidrs": [],
    "lineEnds": "Refuse"
  },
  "limits": {
    "connections": 2000,
    "connectionsPerClient": 100,
    "messagesPerMinutePerClient": 600,
    "messagesPerMinutePerUser": 600,
    "messageSize": "50Mi",
    "recipients": 1000
  },
  "sites": {
    "maxConnections": 20,
    "messagesPerConnection": 100
  },
  "destinations": [],
  "retry": {
    "initial": "5m",
    "factor": 2,
    "max": "4h",
    "expireAfter": "5d",
    "delayNoticeAfter": "4h",
    "jitterPercent": 10
  },
  "tls": "Opportunistic",
  "identity": {
    "sourceAddresses": []
  },
  "paused": false,
  "replicas": 1
};
