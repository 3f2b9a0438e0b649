/**
 * The contract of message events as a JSON Schema (2020-12): docs/events.schema.json is made of it, and tests hold the events
 * of real daemons to it.
 *
 * Out:    `eventSchema("open")`, as it is published: who reads must put up with fields that come later.
 *         `eventSchema("closed")`, for tests: nothing may be said that is not described.
 */
import { bounceClasses } from "../mail/bounce/classes.ts";
import { type EventKind, eventKinds } from "./message-event.ts";

type Json = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Json>>;

const text = (description: string, more: Json = {}): Json => ({ type: "string", description, ...more });
const time = (description: string): Json => text(description, { format: "date-time" });
const count = (description: string): Json => ({ type: "integer", minimum: 0, description });

const messageId = "^[0-7][0-9a-hjkmnp-tv-z]{25}$";
const id = (description: string): Json => text(description, { pattern: messageId });

/** What every event may hold, and what it must. */
const common: Fields = {
  message: id("The message: what the client was told (`queued as …`)."),
  job: count("Which part of the message: a message to several domains has several."),
  namespace: text("Whose message it is."),
  policy: text("The RelayPolicy by which it leaves, or that of the domain it came to."),
  domain: text("The domain on our side: of the sender of what goes out, of the mailbox of what is filed."),
  direction: {
    enum: ["outbound", "local"],
    description: "outbound: it leaves over the network; local: it is filed in a mailbox here.",
  },
  sender: text("The envelope's sender; empty for reports, which have none."),
  recipient: text("The recipient that the event is about; absent when it is about all that are left."),
  queuedAt: time("When the message was accepted."),
};
const always = ["message", "namespace", "policy", "direction"];

const reply: Json = {
  type: "object",
  description: "What the next hop answered, or what we say where nobody did.",
  properties: {
    code: { type: "integer", minimum: 200, maximum: 599, description: "RFC 5321 §4.2" },
    enhanced: text("RFC 3463", { pattern: "^[245]\\.[0-9]{1,3}\\.[0-9]{1,3}$" }),
    text: text("As received: it may hold anything."),
  },
  required: ["code", "enhanced", "text"],
};
const remote: Json = {
  type: "object",
  description: "Who answered: the host of the recipient's site. Absent: nobody was reached.",
  properties: { name: text("Its name."), address: text("Its IP address.") },
  required: ["name"],
};
const attempt: Json = { type: "integer", minimum: 1, description: "Which attempt it was." };
const bounceClass: Json = { enum: bounceClasses, description: "What the reply is about." };
const end: Fields = { attempt, reply, remote, durationMs: count("How long the attempt took.") };
const report = id("The message that brought the report.");

interface Variant {
  readonly description: string;
  readonly fields?: Fields;
  readonly required?: readonly string[];
}

const variants: Readonly<Record<EventKind, Variant>> = {
  accepted: {
    description: "We answered 250 and are responsible for it.",
    fields: {
      size: count("Octets."),
      client: text("The client's address; `local` for what is made here."),
      protocol: text("RFC 3848, such as ESMTPSA."),
      helo: text("The name that the client gave."),
      user: text("Who logged in."),
      results: text("What was found of a stranger's message: `spf=pass dkim=none dmarc=pass`."),
      junk: { const: true, description: "It goes into Junk." },
    },
    required: ["recipient", "sender", "size", "client", "protocol"],
  },
  delivered: {
    description: "The next hop took it, or it is filed.",
    fields: {
      ...end,
      how: {
        enum: ["final", "relayed", "passedOn", "expanded"],
        description:
          "final: filed here. relayed: taken by a host that sends no reports of its own accord. passedOn: taken by one that reports (RFC 3461). expanded: replaced by other recipients.",
      },
    },
    required: ["recipient", "attempt", "reply", "how"],
  },
  deferred: {
    description: "It will be tried again.",
    fields: { ...end, class: bounceClass, nextAttempt: time("Not before this.") },
    required: ["recipient", "attempt", "reply", "class", "nextAttempt"],
  },
  bounced: {
    description: "Refused for good.",
    fields: {
      ...end,
      class: bounceClass,
      late: { const: true, description: "The next hop had taken it, and sent a report later." },
      report,
    },
    required: ["recipient", "reply", "class"],
  },
  expired: {
    description: "Deferred once too often: the message's lifetime is over.",
    fields: { ...end, class: bounceClass },
    required: ["recipient", "attempt", "reply", "class"],
  },
  complained: {
    description: "The recipient's provider reports that it is unwanted (RFC 5965).",
    fields: { feedback: text("What the report calls it, such as abuse or opt-out."), report },
    required: ["recipient", "feedback", "report"],
  },
  reported: {
    description: "A report to the sender was queued, as a message of its own.",
    fields: {
      report: id("That message."),
      reportKind: { enum: ["failure", "delay", "success"], description: "What it tells." },
      to: text("Whom it goes to."),
    },
    required: ["report", "reportKind", "to"],
  },
  dropped: {
    description: "It is gone, and nobody can be told.",
    fields: { reason: text("Why.") },
    required: ["reason"],
  },
  held: { description: "An operator holds it." },
  released: { description: "An operator no longer holds it." },
  retried: { description: "An operator wants it tried at once." },
  returned: {
    description: "An operator returns it to its sender; what is left of it bounces.",
    fields: { reason: text("In the operator's words; may be empty.") },
    required: ["reason"],
  },
  rerouted: {
    description: "An operator sends it by another host.",
    fields: { host: text("Its name or address."), port: { type: "integer", minimum: 1, maximum: 65_535 } },
    required: ["host", "port"],
  },
  unrouted: { description: "It goes its usual way again." },
  purged: { description: "An operator removed it; nobody is told." },
};

export function eventSchema(how: "open" | "closed"): Json {
  const shape = (properties: Fields, required: readonly string[], more: Json = {}): Json => ({
    type: "object",
    ...more,
    properties,
    required,
    ...(how === "closed" ? { additionalProperties: false } : {}),
  });
  const variant = (kind: EventKind): Json => {
    const { description, fields = {}, required = [] } = variants[kind];
    const data = shape({ ...common, ...fields }, [...always, ...required]);
    return shape(
      {
        version: { const: 1 },
        id: text("The same for the same happening, however often it is told.", {
          pattern: "^evt_[A-Za-z0-9_-]{22}$",
        }),
        type: { const: `message.${kind}` },
        timestamp: time("When it happened."),
        data,
      },
      ["version", "id", "type", "timestamp", "data"],
      { title: kind, description },
    );
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Message event",
    description:
      "One thing that happened to one recipient of a message. Fields are added within a version; none is renamed, removed or given another meaning.",
    oneOf: eventKinds.map(variant),
  };
}
