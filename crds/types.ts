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
  /** Messages a minute for this domain from outside, counted by all gateways together. */
  readonly messagesPerMinute?: number;
  /** Messages a minute for this domain from one client address that neither logged in nor is in acceptFrom. */
  readonly messagesPerMinutePerClient?: number;
  /** Recipients of this domain a minute, over all messages, from one such client. */
  readonly recipientsPerMinutePerClient?: number;
  /** Names that this domain does not have, asked for by one such client in an hour. */
  readonly unknownRecipientsPerHourPerClient?: number;
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

/** Where mail for this domain goes; exactly one of mailbox, lmtp, forward. Without it, into the Mailboxes of this domain. */
export interface Delivery {
  /** Into the Mailboxes of this domain. */
  readonly mailbox?: Readonly<Record<string, never>>;
  /** To a mailbox server of your own, by LMTP. Every name of the domain is accepted here, and that server answers for each recipient; Mailboxes of the domain only serve to log in. */
  readonly lmtp?: Lmtp;
  /** Every message for this domain goes to these addresses, apart from its aliases; Mailboxes of the domain only serve to log in. */
  readonly forward?: Forward;
}

/** Lets users of this domain log in with access tokens of an OpenID Connect issuer (SASL OAUTHBEARER and XOAUTH2), beside their passwords. */
export interface Oidc {
  /** The issuer's URL, exactly as its tokens name it (iss). Its keys are found at /.well-known/openid-configuration below it. */
  readonly issuer: string;
  /** What a token must name in aud, so that tokens for other services are refused. */
  readonly audience: string;
  /** The claim that holds the mailbox's address. A claim named email counts only while email_verified is not false. */
  readonly claim: string;
  /** Scopes that a token must have, all of them. */
  readonly scopes: readonly string[];
  /** PEM certificates of authorities that are trusted for the issuer's host, instead of the public ones. */
  readonly caBundle?: string;
}

/** It speaks the milter protocol (clamav-milter, opendkim, opendmarc, rspamd's proxy …). */
export interface MilterAddress {
  /** A host with a port, or unix:/path of a socket in the gateway's pod. */
  readonly address: string;
}

/** The Secret, in the same namespace, with the password that it asks for, as plain text; the hash of it is rspamd's. */
export interface FilterPasswordSecretRef {
  readonly name: string;
  readonly key: string;
}

/** It is rspamd, asked over HTTP as its proxies ask it. */
export interface RspamdAddress {
  /** Where its worker listens, without a path. */
  readonly url: string;
  /** The Secret, in the same namespace, with the password that it asks for, as plain text; the hash of it is rspamd's. */
  readonly passwordSecretRef?: FilterPasswordSecretRef;
  /** The name that its certificate must be for, where it is another than the host in url. */
  readonly serverName?: string;
  /** PEM certificates of authorities that are trusted for it, instead of the public ones. */
  readonly caBundle?: string;
}

export interface Filter {
  /** What logs, the trace and X-Postfleet-Filter call it. */
  readonly name: string;
  /** It speaks the milter protocol (clamav-milter, opendkim, opendmarc, rspamd's proxy …). */
  readonly milter?: MilterAddress;
  /** It is rspamd, asked over HTTP as its proxies ask it. */
  readonly rspamd?: RspamdAddress;
  /** How long it may be silent, and how long a message waits while all its connections are in use; 120s at most. */
  readonly timeout: string;
  /** When it does not answer, or not as it should. Defer: the client is asked to come again (451). Accept: the message is taken, with X-Postfleet-Filter telling so. */
  readonly onFailure: "Defer" | "Accept";
  /** Messages that it is shown at once, by each gateway; others wait. */
  readonly connections: number;
  /** A field of the milter's that means junk, with the beginning of its value. */
  readonly junkField?: string;
}

/** By what the sender's domain says of the client (RFC 7208). */
export interface SpfActions {
  /** The domain says that this client may not send for it (-all). */
  readonly fail: "Mark" | "Junk" | "Reject";
  /** The domain says that this client probably may not (~all). */
  readonly softFail: "Mark" | "Junk" | "Reject";
}

/** By the message's signatures (RFC 6376). */
export interface DkimActions {
  /** It is signed, and no signature is good. Mailing lists break signatures of honest mail. */
  readonly fail: "Mark" | "Junk" | "Reject";
}

/** Tells domains once a day whose mail came here in their name, and what DMARC made of it, when their record asks for that (rua=, RFC 7489 §7.2). Nothing of single messages is told. Without it nothing is counted. */
export interface DmarcReports {
  /** Off: nothing is counted. Send: one report a day to each domain that asks for it. */
  readonly mode: "Off" | "Send";
  /** Whom reports are from, and whom their readers may ask; postmaster@<domain> without it. Domains of a namespace that name the same address report together. Its domain must be a MailDomain of the same namespace, whose DKIM keys sign the reports. */
  readonly from?: string;
  /** Who reports, in words; the domain of from without it. */
  readonly organization?: string;
}

/** When neither SPF nor DKIM vouches for the domain in From, by what that domain asks for (RFC 7489). */
export interface DmarcActions {
  /** The domain only watches (p=none). */
  readonly none: "Mark" | "Junk" | "Reject";
  /** The domain asks to keep such mail apart (p=quarantine), or its author cannot be told. */
  readonly quarantine: "Mark" | "Junk" | "Reject";
  /** The domain asks to refuse such mail (p=reject). */
  readonly reject: "Mark" | "Junk" | "Reject";
  /** Tells domains once a day whose mail came here in their name, and what DMARC made of it, when their record asks for that (rua=, RFC 7489 §7.2). Nothing of single messages is told. Without it nothing is counted. */
  readonly reports?: DmarcReports;
}

/** By the name that a stranger gives in HELO or EHLO. Off: it is not looked at. Mark: what is wrong is written into the field X-Postfleet-Client. */
export interface HeloActions {
  /** It gives our own name, or a domain of ours. */
  readonly ownName: "Off" | "Mark" | "Junk" | "Reject";
  /** It gives an address in brackets that is not its own, such as [192.0.2.1]. */
  readonly literal: "Off" | "Mark" | "Junk" | "Reject";
  /** It gives a name without a dot, or an address without brackets. */
  readonly unqualified: "Off" | "Mark" | "Junk" | "Reject";
  /** It gives a name that has neither an address nor an MX in the DNS. */
  readonly unresolvable: "Off" | "Mark" | "Junk" | "Reject";
}

/** By what the DNS calls a stranger's address (RFC 8601 §3). Where the DNS does not answer, nothing is done. */
export interface ReverseDnsActions {
  /** The address has no name. */
  readonly missing: "Off" | "Mark" | "Junk" | "Reject";
  /** It has names, and none of them leads back to it. */
  readonly mismatch: "Off" | "Mark" | "Junk" | "Reject";
}

export interface DnsListAnswer {
  /** An address, or the first and the last of a range. */
  readonly match: string;
  /** What such an answer adds. */
  readonly weight: number;
}

export interface DnsList {
  /** The domain under which the list is asked. Many lists want to be told who asks, or refuse public resolvers. */
  readonly zone: string;
  /** What the list adds when it holds the address; below 0 for a list of good addresses. */
  readonly weight: number;
  /** Weights by what the list answers, the first that fits; what fits none adds nothing. Without it, each answer adds the list's weight. */
  readonly answers: readonly DnsListAnswer[];
}

/** Lists in the DNS of addresses that send spam, or that are known not to (RFC 5782). Each list that holds a stranger's address adds its weight, and the sum decides. A list that does not answer in time adds nothing. */
export interface DnsLists {
  /** The lists that are asked, all at once. */
  readonly lists: readonly DnsList[];
  /** From this sum on the lists are named in X-Postfleet-Client. */
  readonly markAt?: number;
  /** From this sum on mail is filed into the folder Junk. */
  readonly junkAt?: number;
  /** From this sum on the recipient is refused. */
  readonly rejectAt?: number;
  /** From this sum on each recipient is answered as late as tarpit.longest says. */
  readonly tarpitAt?: number;
}

/** Mail from a stranger's network, sender and recipient that were not seen together before is put off once (RFC 6647): programs that send spam seldom come back. Honest mail of new correspondents is late by what their servers wait. */
export interface Greylisting {
  /** Whether this domain's mail is put off so. */
  readonly enabled: boolean;
  /** How soon a second try is too soon. */
  readonly delay: string;
  /** How late a second try counts as one. */
  readonly within: string;
  /** How long after its last message a correspondent is remembered. */
  readonly keep: string;
  /** A network with so many correspondents that came back is put off no more. 0, never. */
  readonly allowAfter: number;
}

/** Answers to unknown recipients wait, longer with each, for clients that made many mistakes lately. */
export interface Tarpit {
  /** Mistakes that cost nothing. */
  readonly after: number;
  /** The first wait; each further mistake doubles it. */
  readonly first: string;
  /** The longest wait, 0s for none. Honest servers give up after 5 minutes. */
  readonly longest: string;
}

/** What becomes of mail from strangers: by what SPF, DKIM and DMARC say of its origin, and by who the client is. Mark: the result is only written into Authentication-Results. Junk: it is also filed into the folder Junk. Reject: it is refused (where a message has recipients in several domains that do not all refuse it, it goes into Junk). */
export interface Inbound {
  /** Programs that see each message before it is taken, all at the same time; their fields are put in front of it, nothing else of it changes. */
  readonly filters: readonly Filter[];
  /** By what the sender's domain says of the client (RFC 7208). */
  readonly spf: SpfActions;
  /** By the message's signatures (RFC 6376). */
  readonly dkim: DkimActions;
  /** When neither SPF nor DKIM vouches for the domain in From, by what that domain asks for (RFC 7489). */
  readonly dmarc: DmarcActions;
  /** By the name that a stranger gives in HELO or EHLO. Off: it is not looked at. Mark: what is wrong is written into the field X-Postfleet-Client. */
  readonly helo: HeloActions;
  /** By what the DNS calls a stranger's address (RFC 8601 §3). Where the DNS does not answer, nothing is done. */
  readonly reverseDns: ReverseDnsActions;
  /** Lists in the DNS of addresses that send spam, or that are known not to (RFC 5782). Each list that holds a stranger's address adds its weight, and the sum decides. A list that does not answer in time adds nothing. */
  readonly dnsLists: DnsLists;
  /** Mail from a stranger's network, sender and recipient that were not seen together before is put off once (RFC 6647): programs that send spam seldom come back. Honest mail of new correspondents is late by what their servers wait. */
  readonly greylisting: Greylisting;
  /** Answers to unknown recipients wait, longer with each, for clients that made many mistakes lately. */
  readonly tarpit: Tarpit;
}

/** What is done with mail that this domain's users, and clients in acceptFrom, send from it. What a filter takes for junk is refused, and the filters' fields are not sent along. */
export interface Outbound {
  /** Programs that see each message before it is taken, all at the same time; their fields are put in front of it, nothing else of it changes. */
  readonly filters: readonly Filter[];
}

/** Tells other servers that this domain's mail is taken by its hostnames only, and over TLS with a valid certificate (RFC 8461). The gateway serves the policy on its listener mta-sts, which mta-sts.<domain> must reach at port 443 with a certificate for that name. */
export interface MtaSts {
  /** None: no policy. Testing: others report what would fail, and deliver all the same. Enforce: they deliver only so. */
  readonly mode: "None" | "Testing" | "Enforce";
  /** How long others may go by the policy that they have seen. */
  readonly maxAge: string;
}

/** Asks other servers for daily reports of failed TLS (RFC 8460). */
export interface TlsReporting {
  /** A mail address, or an https URL. */
  readonly reportTo: string;
}

/** The RelayPolicy, in the same namespace, for what this domain's users send and for what is forwarded. A policy named default need not exist. */
export interface RelayPolicyRef {
  readonly name: string;
}

/** The Secret, in the same namespace, with the private keys, one in PEM a key <selector>.pem and <selector>-ed25519.pem. Without it, keys are made in a cluster, into a Secret named after the MailDomain with -dkim. */
export interface DkimSecretRef {
  readonly name: string;
}

/** Keys that sign what this domain's users send (RFC 6376). */
export interface Dkim {
  /** The name of the keys in DNS, <selector>._domainkey (RSA) and <selector>-ed25519._domainkey. A new selector asks for new keys; they sign as soon as their records are seen. */
  readonly selector: string;
  /** A signature is made with each; none for no signatures. Some receivers know only RSA. */
  readonly algorithms: readonly ("Rsa2048" | "Ed25519")[];
  /** The Secret, in the same namespace, with the private keys, one in PEM a key <selector>.pem and <selector>-ed25519.pem. Without it, keys are made in a cluster, into a Secret named after the MailDomain with -dkim. */
  readonly secretRef?: DkimSecretRef;
  /** How long the records of former keys are still asked for after new ones are in use, so that mail on its way can be verified. */
  readonly retention: string;
}

/** The issuer from which cert-manager gets the certificate, into a Secret named after the MailDomain with -tls. */
export interface IssuerRef {
  readonly name: string;
  /** Issuer for one of the same namespace, ClusterIssuer, or the kind of another group. */
  readonly kind: string;
  /** The API group of the issuer. */
  readonly group: string;
}

/** The certificate for this domain's hostnames; exactly one of secretName and issuerRef. Without it that of the installation serves. */
export interface DomainTls {
  /** The Secret, in the same namespace, with tls.crt and tls.key. */
  readonly secretName?: string;
  /** The issuer from which cert-manager gets the certificate, into a Secret named after the MailDomain with -tls. */
  readonly issuerRef?: IssuerRef;
}

/** The Secret, in the same namespace, that signs (Standard Webhooks): whsec_ and the base64 of 24 to 64 octets, or a text of 24 to 200 characters. Two of them, separated by a space, sign both while one replaces the other. */
export interface WebhookSecretRef {
  readonly name: string;
  readonly key: string;
}

export interface Webhook {
  /** What logs, metrics and postfleet webhooks call it. */
  readonly name: string;
  /** Where events are posted to. By https, and to the public Internet, unless the installation allows more. */
  readonly url: string;
  /** The Secret, in the same namespace, that signs (Standard Webhooks): whsec_ and the base64 of 24 to 64 octets, or a text of 24 to 200 characters. Two of them, separated by a space, sign both while one replaces the other. */
  readonly secretRef: WebhookSecretRef;
  /** The kinds that it is told of (docs/events.md); none, every kind. */
  readonly events: readonly ("accepted" | "delivered" | "deferred" | "bounced" | "expired" | "complained" | "reported" | "dropped" | "held" | "released" | "retried" | "returned" | "rerouted" | "unrouted" | "purged")[];
  /** How long an event is tried before it is put with the dead letters; a number of hours, 168 at most. */
  readonly giveUpAfter: string;
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
  /** Where mail for this domain goes; exactly one of mailbox, lmtp, forward. Without it, into the Mailboxes of this domain. */
  readonly delivery?: Delivery;
  /** Lets users of this domain log in with access tokens of an OpenID Connect issuer (SASL OAUTHBEARER and XOAUTH2), beside their passwords. */
  readonly oidc?: Oidc;
  /** What becomes of mail from strangers: by what SPF, DKIM and DMARC say of its origin, and by who the client is. Mark: the result is only written into Authentication-Results. Junk: it is also filed into the folder Junk. Reject: it is refused (where a message has recipients in several domains that do not all refuse it, it goes into Junk). */
  readonly inbound: Inbound;
  /** What is done with mail that this domain's users, and clients in acceptFrom, send from it. What a filter takes for junk is refused, and the filters' fields are not sent along. */
  readonly outbound: Outbound;
  /** Tells other servers that this domain's mail is taken by its hostnames only, and over TLS with a valid certificate (RFC 8461). The gateway serves the policy on its listener mta-sts, which mta-sts.<domain> must reach at port 443 with a certificate for that name. */
  readonly mtaSts: MtaSts;
  /** Asks other servers for daily reports of failed TLS (RFC 8460). */
  readonly tlsReporting?: TlsReporting;
  /** The RelayPolicy, in the same namespace, for what this domain's users send and for what is forwarded. A policy named default need not exist. */
  readonly relayPolicyRef: RelayPolicyRef;
  /** Names of the servers for this domain's mail, as its MX and SRV records and its certificate shall name them, the first for mail programs. Without them those are taken that the installation was given. */
  readonly hostnames: readonly string[];
  /** Keys that sign what this domain's users send (RFC 6376). */
  readonly dkim: Dkim;
  /** The certificate for this domain's hostnames; exactly one of secretName and issuerRef. Without it that of the installation serves. */
  readonly tls?: DomainTls;
  /** Who is told of the events of this domain's mail: what its senders send, and what comes for its mailboxes (docs/webhooks.md). */
  readonly webhooks: readonly Webhook[];
  /** What happens to queued mail when this resource is deleted from a cluster. Drain: nothing new is accepted, and what is queued is delivered or returned. Bounce: it is returned to its senders at once. Orphan: it stays in the queue, for a resource of the same name to come. */
  readonly deletionPolicy: "Drain" | "Bounce" | "Orphan";
  /** The longest that Drain takes; what is left then is returned to its senders. */
  readonly deletionTimeout: string;
}

export interface DnsRecord {
  /** MX, TXT, SRV, A, CNAME or TLSA. */
  readonly type: string;
  /** Without a final dot. */
  readonly name: string;
  /** As in a zone file; a TXT record is one text without quotes. */
  readonly value: string;
  /** What the resolver answered; absent while it has not been asked. */
  readonly observed?: readonly string[];
  /** Unknown while the resolver has not answered. */
  readonly state: "Unknown" | "Ok" | "Missing" | "Different";
  /** Without it mail is lost or taken for spam; DNSVerified waits for it. */
  readonly required?: boolean;
}

export interface MailEndpoint {
  readonly service: "Smtp" | "Submission" | "Submissions" | "Imap" | "Imaps" | "Pop3" | "Pop3s";
  readonly host: string;
  readonly port: number;
  /** Those of the Service; absent while it has none. */
  readonly addresses?: readonly string[];
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
  /** What DNS shall say of the domain, and what it says. */
  readonly dnsRecords?: readonly DnsRecord[];
  /** Where mail programs and other servers find us. */
  readonly endpoints?: readonly MailEndpoint[];
  readonly conditions?: readonly Condition[];
}

/** The Secret, in the same namespace, that holds the password, as plain text or as an argon2id hash ($argon2id$…). Without it, app passwords and the domain's OpenID Connect are the only ways to log in. */
export interface PasswordSecretRef {
  readonly name: string;
  readonly key: string;
}

/** The Secret, in the same namespace, that holds this password, as plain text (at least 12 characters are wise) or as an argon2id hash. */
export interface AppPasswordSecretRef {
  readonly name: string;
  readonly key: string;
}

export interface AppPassword {
  /** What it is for; the daemon's log names its uses so. */
  readonly name: string;
  /** The Secret, in the same namespace, that holds this password, as plain text (at least 12 characters are wise) or as an argon2id hash. */
  readonly secretRef: AppPasswordSecretRef;
  /** What it opens. The mailbox's own password opens everything. */
  readonly scopes: readonly ("SMTP" | "IMAP" | "POP3" | "ManageSieve")[];
}

/** A place where mail for one address is kept until it is fetched. */
export interface MailboxSpec {
  /** The address, whose domain a MailDomain of the same namespace declares. It cannot be changed later; upper and lower case are the same. */
  readonly address: string;
  /** The most octets the mailbox holds, such as 1Gi. Without it there is no limit. */
  readonly quota?: number | string;
  /** The most messages the mailbox holds. Without it there is no limit. */
  readonly messageQuota?: number;
  /** The Secret, in the same namespace, that holds the password, as plain text or as an argon2id hash ($argon2id$…). Without it, app passwords and the domain's OpenID Connect are the only ways to log in. */
  readonly passwordSecretRef?: PasswordSecretRef;
  /** Further passwords, one for each program or device. Removing an entry revokes it at once. */
  readonly appPasswords: readonly AppPassword[];
  /** Further addresses of this mailbox, in domains of the same namespace. */
  readonly aliases: readonly string[];
  /** Addresses that also get every message. */
  readonly forwardTo: readonly string[];
  /** Whether a message that is forwarded is also kept here. */
  readonly keepCopy: boolean;
  /** Whether what the user sends by submission is also kept in the folder Sent. A program that keeps its own copy does not need it. */
  readonly sentCopy: boolean;
  /** A Sieve script (RFC 5228) that files, forwards or answers what arrives. It runs unless the user has made another script active by ManageSieve. */
  readonly sieve?: string;
  /** A suspended mailbox refuses mail and logins for now; what it holds is kept. */
  readonly suspended: boolean;
  /** What happens to the mail in it when the Mailbox is deleted from a cluster. Retain: it stays in the store, and a Mailbox with the same address finds it again. Delete: it is deleted for good. */
  readonly deletionPolicy: "Retain" | "Delete";
}

export interface MailboxStatus {
  readonly observedGeneration?: number;
  /** Octets held; rounded, and updated now and then. */
  readonly bytes?: number;
  /** Octets held, for people to read, such as 41Mi. */
  readonly used?: string;
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

/** Limits for clients. Rates are counted by all gateways together, open connections by each. Those of the policy named default also hold for strangers: clients that neither logged in nor are in acceptFrom. A client is an IPv4 address or an IPv6 /64, a network an IPv4 /24. */
export interface ClientLimits {
  /** Open connections of all clients together. */
  readonly connections: number;
  /** Open connections of one client address. */
  readonly connectionsPerClient: number;
  /** Messages a minute from one client address that neither logged in nor is in acceptFrom. */
  readonly messagesPerMinutePerClient: number;
  /** Messages a minute from one user who logged in. */
  readonly messagesPerMinutePerUser: number;
  /** Messages a minute from the strangers of one network. */
  readonly messagesPerMinutePerNetwork: number;
  /** New connections a minute of one stranger; and logins a minute of one user. */
  readonly connectionsPerMinutePerClient: number;
  /** New connections a minute of the strangers of one network. */
  readonly connectionsPerMinutePerNetwork: number;
  /** Recipients a minute, over all messages, of one stranger. */
  readonly recipientsPerMinutePerClient: number;
  /** Recipients a minute of the strangers of one network. */
  readonly recipientsPerMinutePerNetwork: number;
  /** Recipients a minute of one user who logged in. */
  readonly recipientsPerMinutePerUser: number;
  /** Names that do not exist, asked for in an hour by one stranger, or by one user. */
  readonly unknownRecipientsPerHourPerClient: number;
  /** Names that do not exist, asked for in an hour by the strangers of one network. */
  readonly unknownRecipientsPerHourPerNetwork: number;
  /** Wrong commands, attempts to relay and words before the greeting in an hour, of one stranger. */
  readonly errorsPerHourPerClient: number;
  /** The same of the strangers of one network. */
  readonly errorsPerHourPerNetwork: number;
  /** How long a stranger's connection waits for the greeting. Who speaks before it is a robot, and refused. 0, it is not tried. */
  readonly greetingDelayMilliseconds: number;
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

/** Addresses that a next hop refused for good. */
export interface HardBounces {
  /** So many refusals with no delivery in between. */
  readonly after: number;
  /** How long the address gets nothing; a number with h or d. */
  readonly for: string;
  /** What the refusal must be about (docs/reputation.md lists the classes). */
  readonly classes: readonly ("mailbox-unknown" | "mailbox-disabled" | "mailbox-full" | "domain-unknown" | "policy" | "reputation")[];
}

/** Recipients who told their provider that a message is spam, of which the provider tells us (ARF, RFC 5965). Only a report that proves which of our messages it is about counts. */
export interface Complaints {
  /** Where reports come; a mailbox or an alias in a domain of this namespace. They are filed there too. */
  readonly address: string;
  /** How long the recipient gets nothing; a number with h or d. */
  readonly for: string;
}

/** What puts recipients elsewhere onto the namespace's suppression list, which stops mail to them for a while. Without it only postfleet suppression add does. What is on the list counts for all policies of the namespace. */
export interface Suppression {
  /** Addresses that a next hop refused for good. */
  readonly hardBounces?: HardBounces;
  /** Recipients who told their provider that a message is spam, of which the provider tells us (ARF, RFC 5965). Only a report that proves which of our messages it is about counts. */
  readonly complaints?: Complaints;
}

/** Tells recipients' domains once a day how TLS went on the way to their MX hosts, when their DNS asks for that (_smtp._tls, RFC 8460). Nothing of single messages is told. Without it nothing is counted. */
export interface TlsReports {
  /** Off: nothing is counted. Send: one report a day to each domain that asks for it. */
  readonly mode: "Off" | "Send";
  /** Whom reports are from, and whom their readers may ask. Policies of a namespace that name the same address report together. Its domain must be a MailDomain of the same namespace, whose DKIM keys sign the reports. */
  readonly from?: string;
  /** Who reports, in words; the domain of from without it. */
  readonly organization?: string;
}

/** How we present ourselves to next hops. */
export interface Identity {
  /** The name in EHLO; by default the daemon's host name. It should resolve to the address that mail comes from, and back. */
  readonly ehloName?: string;
  /** Local addresses that connections are made from, in turn; one of the family of the next hop is taken. */
  readonly sourceAddresses: readonly string[];
}

/** How many relay pods a cluster runs. */
export interface Autoscaling {
  /** Builtin: by the operator, on due jobs, the age of the oldest and open sessions. HPA, KEDA: by a HorizontalPodAutoscaler or a ScaledObject that is made here. None: as replicas says. */
  readonly mode: "Builtin" | "HPA" | "KEDA" | "None";
  /** The fewest pods. With 0 there are none while nothing is due, and the first message waits for one to start. */
  readonly min: number;
  /** The most pods. */
  readonly max: number;
  /** Due jobs for each pod. What sleeps until its next try is not counted. */
  readonly targetDueJobs: number;
  /** How long fewer pods must have sufficed before one is taken away. */
  readonly stabilization: string;
  /** What an HPA scales on. DueJobs: the external metric postfleet_policy_due_jobs, for which the cluster needs a metrics adapter. Cpu: the load of the pods, for which the metrics server suffices. */
  readonly metric: "DueJobs" | "Cpu";
  /** The load of a pod, in percent of its CPU request, that an HPA with metric: Cpu keeps. */
  readonly targetCpuPercent: number;
}

/** Requests and limits of the daemon's container. */
export interface Resources {
  /** By resource, such as cpu and memory. */
  readonly requests?: Readonly<Record<string, number | string>>;
  /** By resource, such as cpu and memory. */
  readonly limits?: Readonly<Record<string, number | string>>;
}

export interface Toleration {
  /** The taint's key; none for every taint. */
  readonly key?: string;
  /** Equal compares the value. */
  readonly operator?: "Exists" | "Equal";
  /** The taint's value. */
  readonly value?: string;
  /** None for every effect. */
  readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  /** How long NoExecute is stood. */
  readonly tolerationSeconds?: number;
}

export interface EnvVar {
  readonly name: string;
  /** A plain value. */
  readonly value?: string;
  /** As in a Pod's spec. */
  readonly valueFrom?: Readonly<Record<string, unknown>>;
}

export interface LocalReference {
  readonly name: string;
}

export interface Sidecar {
  readonly name: string;
  /** The image of the container. */
  readonly image: string;
  readonly [field: string]: unknown;
}

export interface Volume {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** What the relay pods shall have besides what the operator gives them. */
export interface PodTemplate {
  /** Further labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Further annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Requests and limits of the daemon's container. */
  readonly resources?: Resources;
  /** Labels that a node must have. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Taints that the pods stand. */
  readonly tolerations?: readonly Toleration[];
  /** As in a Pod's spec. */
  readonly affinity?: Readonly<Record<string, unknown>>;
  /** As in a Pod's spec; they take the place of ours, which spreads over nodes. */
  readonly topologySpreadConstraints?: readonly Readonly<Record<string, unknown>>[];
  /** Which pods go first when a node is full. */
  readonly priorityClassName?: string;
  /** Further environment variables of the daemon's container; those that the operator sets cannot be changed. */
  readonly env?: readonly EnvVar[];
  /** Secrets, in the same namespace, with which the image is pulled, besides those of the installation. */
  readonly imagePullSecrets?: readonly LocalReference[];
  /** How long open transactions may go on when a pod is to end. */
  readonly terminationGracePeriodSeconds?: number;
  /** Uses the node's addresses, so that mail leaves from them. Pod security must allow it in the namespace. */
  readonly hostNetwork?: boolean;
  /** Further containers, as in a Pod's spec. */
  readonly sidecars?: readonly Sidecar[];
  /** Further volumes for the sidecars, as in a Pod's spec. */
  readonly volumes?: readonly Volume[];
}

/** Who may send through us, how mail leaves, and how long it is tried. */
export interface RelayPolicySpec {
  /** The way out; exactly one of mx and smarthost. */
  readonly route?: Route;
  /** Clients that may send to any domain without logging in. */
  readonly acceptFrom: AcceptFrom;
  /** Limits for clients. Rates are counted by all gateways together, open connections by each. Those of the policy named default also hold for strangers: clients that neither logged in nor are in acceptFrom. A client is an IPv4 address or an IPv6 /64, a network an IPv4 /24. */
  readonly limits: ClientLimits;
  /** Limits towards one site (the hosts a destination resolves to) unless a destination below says otherwise. */
  readonly sites: SiteLimits;
  /** Exceptions for recipients' domains. An exact match wins, then the longest suffix. */
  readonly destinations: readonly Destination[];
  /** When a delivery that failed for now is tried again. Times are a whole number with s, m, h or d. */
  readonly retry: Retry;
  /** What puts recipients elsewhere onto the namespace's suppression list, which stops mail to them for a while. Without it only postfleet suppression add does. What is on the list counts for all policies of the namespace. */
  readonly suppression?: Suppression;
  /** On the way to MX hosts. Opportunistic: STARTTLS when offered, any certificate. Require: STARTTLS or no delivery. Both also obey what a destination demands by DANE (with a validating resolver on the same machine) or MTA-STS. Off: never, whatever it demands. */
  readonly tls: "Opportunistic" | "Require" | "Off";
  /** Tells recipients' domains once a day how TLS went on the way to their MX hosts, when their DNS asks for that (_smtp._tls, RFC 8460). Nothing of single messages is told. Without it nothing is counted. */
  readonly tlsReports?: TlsReports;
  /** How we present ourselves to next hops. */
  readonly identity: Identity;
  /** Nothing is sent while this is true; mail is still accepted and waits. */
  readonly paused: boolean;
  /** Relay pods in a cluster with autoscaling: {mode: None}; the other modes choose the number themselves. */
  readonly replicas: number;
  /** How many relay pods a cluster runs. */
  readonly autoscaling: Autoscaling;
  /** Who is told of the events of mail that leaves by this policy (docs/webhooks.md). */
  readonly webhooks: readonly Webhook[];
  /** What the relay pods shall have besides what the operator gives them. */
  readonly podTemplate: PodTemplate;
  /** What happens to queued mail when this resource is deleted from a cluster. Drain: nothing new is accepted, and what is queued is delivered or returned. Bounce: it is returned to its senders at once. Orphan: it stays in the queue, for a resource of the same name to come. */
  readonly deletionPolicy: "Drain" | "Bounce" | "Orphan";
  /** The longest that Drain takes; what is left then is returned to its senders. */
  readonly deletionTimeout: string;
}

/** What waits to be sent; rounded, and updated at most once a minute. Exact figures are in the metrics. */
export interface QueueFigures {
  /** Messages to be sent now. */
  readonly due: number;
  /** Messages that wait for another try. */
  readonly deferred: number;
  /** Since when the oldest due message has been waiting; absent when none is due. */
  readonly oldestDue?: string;
}

export interface RelayPolicyStatus {
  readonly observedGeneration?: number;
  /** Relay pods there are. */
  readonly replicas?: number;
  /** Finds the relay pods; for autoscalers. */
  readonly selector?: string;
  /** What waits to be sent; rounded, and updated at most once a minute. Exact figures are in the metrics. */
  readonly queue?: QueueFigures;
  readonly conditions?: readonly Condition[];
}

/** What holds where no RelayPolicy named `default` is declared. */
export const defaultRelayPolicy: RelayPolicySpec = {
  "acceptFrom": {
    "cidrs": [],
    "lineEnds": "Refuse"
  },
  "limits": {
    "connections": 2000,
    "connectionsPerClient": 100,
    "messagesPerMinutePerClient": 600,
    "messagesPerMinutePerUser": 600,
    "messagesPerMinutePerNetwork": 6000,
    "connectionsPerMinutePerClient": 600,
    "connectionsPerMinutePerNetwork": 6000,
    "recipientsPerMinutePerClient": 6000,
    "recipientsPerMinutePerNetwork": 60000,
    "recipientsPerMinutePerUser": 6000,
    "unknownRecipientsPerHourPerClient": 300,
    "unknownRecipientsPerHourPerNetwork": 3000,
    "errorsPerHourPerClient": 300,
    "errorsPerHourPerNetwork": 3000,
    "greetingDelayMilliseconds": 100,
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
  "replicas": 1,
  "autoscaling": {
    "mode": "Builtin",
    "min": 1,
    "max": 10,
    "targetDueJobs": 500,
    "stabilization": "5m",
    "metric": "DueJobs",
    "targetCpuPercent": 70
  },
  "webhooks": [],
  "podTemplate": {},
  "deletionPolicy": "Drain",
  "deletionTimeout": "1h"
};
