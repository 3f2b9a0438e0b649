/**
 * Commands that mean the same in every state, and those that switch something on.
 *
 * Spec:   RFC 9051 §6.1, §6.2.1; RFC 2971 (ID), RFC 5161 (ENABLE), RFC 2342 (NAMESPACE), RFC 4978 (COMPRESS).
 */
import { bad, no, ok, syntax } from "../answer.ts";
import { capabilities } from "../capabilities.ts";
import { accountOf, type Command, type Commands, type Talk } from "../talk.ts";

const capability: Command = {
  when: "any",
  quiet: true,
  run(talk, { args }) {
    args.end();
    talk.out.line(`* CAPABILITY ${capabilities(talk)}`);
    return ok("CAPABILITY completed");
  },
};

/** Also the way to ask what is new: what other pods stored before must be told. */
const noop: Command = {
  when: "any",
  async run(talk, { args, name }) {
    args.end();
    if (talk.state.at !== "stranger") await accountOf(talk).mailbox.sync(talk.signal);
    return ok(`${name} completed`);
  },
};

const logout: Command = {
  when: "any",
  quiet: true,
  run(talk, { args }) {
    args.end();
    talk.logout("Logging out");
    return ok("LOGOUT completed");
  },
};

/** RFC 2971 §3.3: at most 30 pairs. */
const maxIdPairs = 30;

const id: Command = {
  when: "any",
  quiet: true,
  run(talk, { args }) {
    args.space();
    if (!args.skipWord("NIL")) {
      const words = args.list(() => args.nstring());
      if (words.length > maxIdPairs * 2 || words.length % 2 !== 0)
        throw syntax("Invalid list of fields and values");
    }
    args.end();
    talk.out.line('* ID ("name" "Postfleet")');
    return ok("ID completed");
  },
};

const enable: Command = {
  when: "user",
  run(talk, { args }) {
    const wanted: string[] = [];
    while (args.skip(" ")) wanted.push(args.word());
    args.end();
    if (wanted.length === 0) throw syntax("Missing argument");
    const now = wanted.filter((name) => switchOn(talk, name));
    talk.out.line(now.length === 0 ? "* ENABLED" : `* ENABLED ${now.join(" ")}`);
    return ok("ENABLE completed");
  },
};

/** True when the extension is known and was off. */
function switchOn({ enabled }: Talk, name: string): boolean {
  const before = { ...enabled };
  switch (name) {
    case "IMAP4REV2":
      enabled.rev2 = true;
      return !before.rev2;
    case "UTF8=ACCEPT":
      enabled.utf8 = true;
      return !before.utf8;
    case "CONDSTORE":
      enabled.condstore = true;
      return !before.condstore;
    case "QRESYNC": // implies CONDSTORE; RFC 7162 §3.2.3
      enabled.condstore = true;
      enabled.qresync = true;
      return !before.qresync;
    default:
      return false;
  }
}

const namespace: Command = {
  when: "user",
  run(talk, { args }) {
    args.end();
    talk.out.line('* NAMESPACE (("" "/")) NIL NIL');
    return ok("NAMESPACE completed");
  },
};

const startTls: Command = {
  when: "stranger",
  run(talk, { args }) {
    args.end();
    if (!talk.canStartTls) return bad(talk.encrypted ? "TLS is in use already" : "TLS is not available here");
    talk.after = "tls";
    return ok("Begin TLS negotiation now");
  },
};

const compress: Command = {
  when: "user",
  run(talk, { args }) {
    args.space();
    const mechanism = args.word();
    args.end();
    if (mechanism !== "DEFLATE") return bad("Unknown compression mechanism");
    if (talk.compressed) return no("Compression is in use already", "COMPRESSIONACTIVE");
    talk.after = "compression";
    return ok("DEFLATE active");
  },
};

export const general: Commands = {
  CAPABILITY: capability,
  NOOP: noop,
  CHECK: { ...noop, when: "selected" },
  LOGOUT: logout,
  ID: id,
  ENABLE: enable,
  NAMESPACE: namespace,
  STARTTLS: startTls,
  COMPRESS: compress,
};
