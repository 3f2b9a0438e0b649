/**
 * What we say, but for figures.
 *
 * Spec: RFC 1939 §3; RFC 2449 §8 (response codes), §8.1.2 (IN-USE); RFC 3206 (SYS/TEMP, SYS/PERM, AUTH).
 */
import type { SaslRefusal } from "../kit/sasl.ts";

export const replies = {
  ok: "+OK",
  bye: "+OK Bye",
  nameTaken: "+OK Send the password with PASS",
  beginTls: "+OK Begin TLS now",
  utf8: "+OK UTF-8 it is",
  tooLong: "-ERR That line is too long",
  notText: "-ERR Lines are UTF-8 text",
  tooManyErrors: "-ERR Too many bad commands",
  tooManyLogins: "-ERR [AUTH] Too many failed logins",
  notNow: "-ERR Not in this state",
  needsUser: "-ERR Give the name with USER first",
  needsTls: "-ERR Start TLS first, with STLS",
  noTls: "-ERR TLS is not available here",
  alreadySecure: "-ERR TLS is in force already",
  stlsBeforeUtf8: "-ERR STLS comes before UTF8",
  unknownMechanism: "-ERR There is no such mechanism here; CAPA lists those there are",
  badBase64: "-ERR That is not base64",
  cancelled: "-ERR Cancelled",
  inUse: "-ERR [IN-USE] Another session has this mailbox open",
  noMailbox: "-ERR [SYS/TEMP] The mailbox is not available just now",
  stopping: "-ERR [SYS/TEMP] This server is being stopped; connect again",
  noSuchMessage: "-ERR No such message",
  isDeleted: "-ERR That message is marked as deleted",
  vanished: "-ERR That message was removed by another session",
  notRead: "-ERR [SYS/TEMP] The message cannot be read just now",
  notRemoved: "-ERR [SYS/TEMP] Some messages could not be removed; they will be there next time",
  lost: "-ERR [SYS/TEMP] The mailbox could not be held; connect again",
  fault: "-ERR [SYS/TEMP] Something went wrong here",
} as const;

const refusals: Readonly<Record<SaslRefusal, string>> = {
  wrong: "-ERR [AUTH] Wrong name or password",
  disabled: "-ERR [SYS/PERM] This mailbox is suspended",
  unavailable: "-ERR [SYS/TEMP] Logins cannot be checked just now",
  malformed: "-ERR That is not how this mechanism goes",
};
export const refusalOf = (why: SaslRefusal): string => refusals[why];
