/**
 * The rules by which a reply is sorted, as data; `classify` applies them in this order, and the first that fits decides.
 *
 * `spoken`  what the words say, most telling first: large providers use 5.7.1 and 550 for everything, so words go first.
 * `coded`   what the enhanced code says. RFC 3463, RFC 7372, RFC 7505, the registry of RFC 5248.
 * `vague`   words that say no more than no.
 * `basic`   the three digits alone. RFC 5321 §4.2.2
 *
 * Words are matched in lower case, as one line, without addresses (a mailbox may be called spam@). Every pattern has a
 * bounded look-ahead: what a stranger writes cannot make one slow (`test/fuzz/bounce.test.ts`).
 */
import type { BounceClass } from "./classes.ts";

export interface SpokenRule {
  readonly is: BounceClass;
  readonly says: RegExp;
  /** Only with these enhanced codes. */
  readonly code?: RegExp;
  /** Only of a refusal for good, or only of one for now. */
  readonly when?: "permanent" | "temporary";
}

const whose = "(?:user|mailbox|inbox|recipient|address|account|alias|customer|rcpt)";
const gone = "(?:disabled|inactive|suspended|deactivated|locked|closed|terminated|not active)";
const absent =
  "(?:unknown|not found|not exist|n.t exist|n.t have an?|no longer exist|invalid|not known|not recogni[sz]ed|not listed|not local|unavailable)";

export const spoken: readonly SpokenRule[] = [
  { is: "greylisted", says: /gr[ae]y-? ?list/ },
  {
    is: "mailbox-busy",
    says: /receiving mail (?:at a rate|too quickly)|thread limit|limit exceeded for (?:this )?mailbox/,
  },
  { is: "mailbox-busy", says: /mailbox unavailable|mailbox (?:is )?busy/, when: "temporary" },

  // Who we are.
  {
    is: "auth",
    says: /\b(?:spf|dkim|dmarc)\b|unauthenticated|anti-?spoof|sender (?:policy framework|authentication)/,
  },
  {
    is: "auth",
    says: /authentication (?:checks?|level|requirements)|not pass .{0,30}(?:authentication|verification)/,
  },
  {
    is: "auth",
    says: /\bptr\b|reverse dns|\brdns\b|find your (?:reverse )?host ?name|helo command rejected/,
  },
  {
    is: "auth",
    says: /sender .{0,40}(?:reject|fail|unknown|not found|not exist|invalid)|domain of sender|verification failed for/,
  },

  // How much we send. A final word on a bad name comes first: it is said in the same terms.
  { is: "reputation", says: /permanently deferred/ },
  {
    is: "rate-limited",
    says: /\brate[- ]?limit|ratelimit|throttl|slow down|\bunusual rate|unexpected volume|frequency limited/,
  },
  {
    is: "rate-limited",
    says: /too many (?:\w+ ){0,3}(?:connections?|sessions|messages|mails|e-?mails|requests)|too much mail/,
  },
  {
    is: "rate-limited",
    says: /exceed\w* .{0,40}\b(?:rate|per (?:hour|day|minute)|allowance)\b|\brate .{0,20}exceed|(?:connection|concurrency) limit/,
  },
  {
    is: "rate-limited",
    says: /(?:daily|hourly|sending) .{0,20}(?:quota|limit|rate)|(?:connection|threshold) .{0,10}exceed/,
  },
  { is: "rate-limited", says: /temporarily deferred|server (?:is )?(?:too )?busy/ },
  { is: "rate-limited", says: /try again later, closing connection/, when: "temporary" },

  // Who they think we are.
  { is: "reputation", says: /spam|unsolicited|junk ?mail|user complaints|reputation|suspicious/ },
  {
    is: "reputation",
    says: /(?:block|black|deny)[- ]?list|block list|\bdnsbl\b|\brbl\b|blocked using|listed (?:at|in|on|by) |banned/,
  },
  {
    is: "reputation",
    says: /barracuda|proofpoint\.com|senderscore|uceprotect|\bsorbs\b|(?:ip|network|host) .{0,20}(?:blocked|denied)/,
  },

  {
    is: "routing",
    says: /\brelay(?:ing)? .{0,20}(?:denied|not permitted|not allowed|prohibited)|(?:unable|not permitted) to relay/,
  },
  { is: "routing", says: /mail(?: forwarding)? loop|too many hops|hop count|loops? back|routing loop/ },
  { is: "tls", says: /\btls\b|starttls|ssl handshake|certificate|encryption (?:is )?(?:required|needed)/ },

  // The mailbox.
  {
    is: "mailbox-full",
    says: /over ?quota|mailbox (?:is |size limit )?(?:full|exceed)|boite .{0,20}pleine|out of storage|storage (?:space )?limit/,
  },
  {
    is: "mailbox-full",
    says: /quota .{0,20}(?:exceed|full|reached)|exceed\w* .{0,30}(?:quota|storage)|quotaexceeded/,
  },
  {
    is: "size",
    says: /(?:message|mail|size|attachment|file) .{0,40}too (?:big|large)|too (?:big|large) .{0,20}message|maximum (?:message )?size|size .{0,30}exceed|exceed\w* .{0,40}\bsize/,
  },
  {
    is: "domain-unknown",
    says: /null mx|(?:recipient|destination)? ?domain (?:name )?.{0,30}(?:not found|not exist|n.t exist|accept mail)|no such domain/,
  },
  {
    is: "mailbox-disabled",
    says: new RegExp(`${whose}\\b.{0,60}\\b${gone}\\b|\\b(?:disabled|inactive) ${whose}`),
  },
  { is: "mailbox-disabled", says: /no longer (?:active|in use|available|valid|accept|monitored)/ },
  { is: "mailbox-unknown", says: new RegExp(`${whose}\\b.{0,60}${absent}`), when: "permanent" },
  {
    is: "mailbox-unknown",
    says: new RegExp(
      `(?:unknown|invalid|no such|bad|non-?existent|unrouteable|not our|not a valid) .{0,20}${whose}`,
    ),
  },
  { is: "mailbox-unknown", says: /recipientnotfound|user unknown|adresse .{0,40}invalide|no mailbox here/ },
  { is: "mailbox-unknown", says: /address rejected/, code: /^5\.(?:1\.\d+|4\.1)$/ },

  {
    is: "content",
    says: /virus|malware|infected|phish|security issue|dangerous|attachment|\bmime\b|malformed|bare (?:lf|cr)|line too long/,
  },
  {
    is: "content",
    says: /content .{0,30}(?:denied|reject|not allowed|not accepted|block)|header.{0,20}(?:invalid|missing|duplicate)|multiple from/,
  },
  { is: "expired", says: /delivery time expired|retry timeout exceeded|message expired/ },
  { is: "dns", says: /(?:dns|mx|name server) .{0,20}(?:fail|error|timeout|time-out|lookup)|host not found/ },
  {
    is: "network",
    says: /connection (?:timed out|refused|reset|lost)|network (?:is )?unreachable|no route to host/,
  },
  {
    is: "system",
    says: /internal .{0,20}error|temporary .{0,20}(?:problem|error|failure)|(?:insufficient|out of|low on) .{0,20}(?:resources|storage|disk|memory|space)/,
  },
  {
    is: "system",
    says: /resources .{0,20}unavailable|maintenance|write error|load (?:is )?too high|shutting down|service .{0,20}(?:not available|unavailable)/,
  },
];

/** By subject and detail, whatever the class; else by subject alone. */
export const coded: Readonly<Record<string, BounceClass>> = {
  "1.1": "mailbox-unknown",
  "1.2": "domain-unknown",
  "1.3": "mailbox-unknown",
  "1.6": "mailbox-unknown",
  "1.7": "auth",
  "1.8": "auth",
  "1.10": "domain-unknown",
  "2.1": "mailbox-disabled",
  "2.2": "mailbox-full",
  "2.3": "size",
  "2.4": "routing",
  3: "system",
  "3.4": "size",
  4: "network",
  "4.3": "dns",
  "4.4": "dns",
  "4.5": "system",
  "4.6": "routing",
  "4.7": "expired",
  5: "protocol",
  6: "content",
  7: "policy",
  "7.4": "tls",
  "7.5": "tls",
  "7.10": "tls",
  "7.11": "tls",
  "7.20": "auth",
  "7.21": "auth",
  "7.22": "auth",
  "7.23": "auth",
  "7.24": "auth",
  "7.25": "auth",
  "7.26": "auth",
  "7.27": "auth",
  "7.28": "rate-limited",
  "7.29": "auth",
  "7.30": "tls",
};

export const vague: readonly SpokenRule[] = [
  {
    is: "policy",
    says: /polic(?:y|ies)|prohibit|not (?:allowed|authori[sz]ed|permitted|accepted)|denied|refused|blocked|rejected/,
  },
];

export const basic: Readonly<Record<number, BounceClass>> = {
  421: "system",
  450: "mailbox-busy",
  451: "system",
  452: "system",
  455: "protocol",
  500: "protocol",
  501: "protocol",
  502: "protocol",
  503: "protocol",
  504: "protocol",
  521: "domain-unknown",
  551: "mailbox-unknown",
  552: "mailbox-full",
  555: "protocol",
  556: "domain-unknown",
};
