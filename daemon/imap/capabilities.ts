/**
 * What we say that we can, which is only what works now, for this client, in this state.
 *
 * Spec:   RFC 9051 §6.1.1, §7.2.2; STARTTLS and AUTH= are of no use once they are done.
 */
import type { Talk } from "./talk.ts";

const always = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE";
const forUsers =
  "IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS " +
  "CONDSTORE QRESYNC ESEARCH SEARCHRES SORT THREAD=REFERENCES THREAD=ORDEREDSUBJECT WITHIN BINARY MULTIAPPEND " +
  "UTF8=ACCEPT STATUS=SIZE QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE SAVEDATE OBJECTID PREVIEW";

export function capabilities(talk: Talk): string {
  const { state, limits } = talk;
  if (state.at !== "stranger") {
    const compress = talk.compressed ? "" : " COMPRESS=DEFLATE";
    return `${always} ${forUsers} APPENDLIMIT=${limits.appendOctets}${compress}`;
  }
  const login = talk.mayLogin
    ? talk.host
        .mechanisms(talk.client)
        .map((name) => ` AUTH=${name}`)
        .join("")
    : " LOGINDISABLED";
  return `${always}${talk.canStartTls ? " STARTTLS" : ""}${login}`;
}
