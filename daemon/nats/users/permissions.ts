/**
 * What each NATS user may touch. The daemons of one namespace reach that namespace's subjects, and of JetStream's API only
 * those calls whose subject names what they are about: a call whose payload says it could name anything.
 *
 * In:     who the user is, and how many shards the queue has.
 * Out:    subjects it may publish to and subscribe to, as a JWT carries them.
 * Limits: what one account cannot keep apart is written in docs/security.md, "Namespaces in one NATS account".
 */
export type NatsUser =
  /** Keeps everything in order: streams, directory, figures. */
  | { readonly kind: "operator" }
  /** Gateways and mailboxes that serve the domains of every namespace. */
  | { readonly kind: "shared" }
  /** Daemons that serve one namespace only. */
  | { readonly kind: "namespace"; readonly namespace: string };

interface Subjects {
  readonly allow: readonly string[];
  readonly deny?: readonly string[];
}

export interface Permissions {
  readonly pub: Subjects;
  readonly sub: Subjects;
}

const everything: Subjects = { allow: [">"] };

/** The namespace's own mailboxes; those of shared daemons lie in `M<shard>`. */
export const namespaceShard = (namespace: string): `-${string}` => `-${namespace}`;

/** What the server knows of who asks. */
export const USER_INFO = "$SYS.REQ.USER.INFO";

/** Where answers to a user come: nobody else may listen there. */
export const inboxPrefix = (namespace: string | undefined): string =>
  namespace === undefined ? "_INBOX" : `_INBOX.${namespace}`;

export function permissionsOf(user: NatsUser, shards = 1): Permissions {
  switch (user.kind) {
    case "operator":
      return { pub: everything, sub: everything };
    case "shared":
      // Nothing that a daemon does ends a stream, or replaces it by a copy from elsewhere.
      return {
        pub: { ...everything, deny: ["$JS.API.STREAM.DELETE.>", "$JS.API.STREAM.RESTORE.>"] },
        sub: everything,
      };
    case "namespace":
      return ofNamespace(user.namespace, shards);
  }
}

function ofNamespace(namespace: string, shards: number): Permissions {
  const numbers = Array.from({ length: shards }, (_, i) => i);
  const pub = [
    "$JS.API.INFO", // how full the account is
    USER_INFO, // what time it is for the server
    ...numbers.flatMap((i) => queueSubjects(i, namespace)),
    ...numbers.flatMap((i) => bodySubjects(i)),
    ...ownership(namespace),
    ...events(namespace),
    ...directory(namespace),
    ...mailboxes(namespaceShard(namespace)),
    ...logins(namespace),
    `reports.${namespace}.>`,
    ...reading("REPORTS", `reports.${namespace}.>`),
    ...suppression(namespace),
    ...counts(namespace),
    ...greylisting(namespace),
    ...webhooks(namespace),
    `$KV.acks.${namespace}.*`,
    `answers.${namespace}.*`,
    `figures.inquiry.${namespace}.all`,
  ];
  const sub = [
    `${inboxPrefix(namespace)}.>`,
    `figures.*.${namespace}.*`,
    `answers.${namespace}.*`,
    `logins.${namespace}`,
    ...counts(namespace),
  ];
  return { pub: { allow: pub }, sub: { allow: sub } };
}

/** Reading a stream: its last records by subject, and a consumer with one filter. */
const reading = (stream: string, filter: string): string[] => [
  `$JS.API.DIRECT.GET.${stream}.${filter}`,
  `$JS.API.CONSUMER.CREATE.${stream}.*.${filter}`,
  `$JS.FC.${stream}.*.*`,
];

const queueSubjects = (i: number, namespace: string): string[] => [
  `q${i}.*.${namespace}.>`,
  ...reading(`Q${i}`, `q${i}.*.${namespace}.>`),
];

/** Whoever knows a body's id may read and remove it: 130 random bits that lie in the records of its jobs and nowhere else. */
const bodySubjects = (i: number): string[] => [`b${i}.>`, `$JS.API.DIRECT.GET.B${i}.b${i}.>`];

/** Also whether anybody owns the jobs of every namespace: his own must wait then. */
const ownership = (namespace: string): string[] => [
  `own.${namespace}.>`,
  ...reading("OWN", `own.${namespace}.>`),
  "$JS.API.CONSUMER.CREATE.OWN.*.own._.*.m.*",
  "$JS.API.DIRECT.GET.OWN.own._.layout",
];

const logins = (namespace: string): string[] => [
  `logins.${namespace}`,
  `$JS.API.CONSUMER.CREATE.LOGINS.*.logins.${namespace}`,
  "$JS.FC.LOGINS.*.*",
];

/** Its own suppression list. */
const suppression = (namespace: string): string[] => [
  `suppressed.${namespace}.*`,
  `$JS.API.CONSUMER.CREATE.SUPPRESSED.*.suppressed.${namespace}.*`,
  "$JS.FC.SUPPRESSED.*.*",
];

const counts = (namespace: string): string[] => [`counts.${namespace}`, `counts.${namespace}.ask`];

const greylisting = (namespace: string): string[] => [
  `grey.${namespace}.*`,
  `$JS.API.DIRECT.GET.GREY.grey.${namespace}.*`,
];

/** What its webhooks remember. */
const webhooks = (namespace: string): string[] =>
  ["HOOKS", "HOOKWAIT", "HOOKDEAD"].flatMap((stream) => {
    const subjects = `${stream.toLowerCase()}.${namespace}.*.*.*`;
    return [subjects, ...reading(stream, subjects)];
  });

const events = (namespace: string): string[] => [
  `events.${namespace}.*`,
  ...reading("EVENTS", `events.${namespace}.*`),
];

const directory = (namespace: string): string[] =>
  reading("KV_directory", `$KV.directory.*.${namespace}.*`).filter((subject) => !subject.includes("DIRECT"));

/** A stream of the namespace's own: all of its API but what makes, changes or ends it. */
const mailboxes = (shard: string): string[] => {
  const stream = `M${shard}`;
  return [
    `m${shard}.>`,
    ...["STREAM.INFO", "STREAM.MSG.GET", "STREAM.PURGE", "DIRECT.GET"].map(
      (call) => `$JS.API.${call}.${stream}`,
    ),
    `$JS.API.DIRECT.GET.${stream}.>`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
    `$JS.FC.${stream}.*.*`,
  ];
};
