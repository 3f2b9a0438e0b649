/**
 * What an SMTP listener refuses, each with its dialogue, of a daemon `mx.fleet.example` that has the mailboxes
 * `alice@home.example` and `bob@home.example`, takes 20,000 octets a message, and 1,000 for `brief.example`.
 */
import { stranger } from "./world.ts";

/** Alice's. */
export const password = "correct-horse-battery";
export const hello = ["S: 220 mx.fleet.example", "C: EHLO client.example", "S: 250-mx.fleet.example"];
export const opening = [...hello, "C: MAIL FROM:<x@far.example>", "S: 250 2.1.0"];
const toData = [...opening, "C: RCPT TO:<alice@home.example>", "S: 250", "C: DATA", "S: 354"];
export const base64 = (text: string) => Buffer.from(text).toString("base64");

interface Refusal {
  readonly name: string;
  readonly script: readonly string[];
  readonly as?: string;
  readonly on?: "submission";
}

export const refusals: readonly Refusal[] = [
  {
    name: "a message that announces too many octets: 552 at MAIL",
    script: [...hello, "C: MAIL FROM:<x@far.example> SIZE=20001", "S: 552 5.3.4"],
  },
  {
    name: "a message that has too many octets: 552 after the dot",
    script: [
      ...toData,
      `C: ${"x".repeat(990)}\r\n`.repeat(21).trimEnd(),
      "C: .",
      "S: 552 5.3.4",
      "C: NOOP",
      "S: 250",
    ],
  },
  {
    name: "more octets than a domain of ours takes: 552 at RCPT",
    script: [
      ...hello,
      "C: MAIL FROM:<x@far.example> SIZE=1001",
      "S: 250",
      "C: RCPT TO:<ann@brief.example>",
      "S: 552 5.3.4",
    ],
  },
  { name: "an unknown parameter of MAIL: 555", script: [...hello, "C: MAIL FROM:<> FOO=bar", "S: 555"] },
  {
    name: "an unknown parameter of RCPT: 555",
    script: [...opening, "C: RCPT TO:<alice@home.example> FOO=1", "S: 555"],
  },
  {
    name: "an unknown command: 500",
    script: [...hello, "C: FROBNICATE", "S: 500 5.5.", "C: NOOP", "S: 250"],
  },
  { name: "a line that never ends: 500", script: [...hello, `C: NOOP ${"x".repeat(8_000)}`, "S: 500 5.5."] },
  { name: "RCPT before MAIL: 503", script: [...hello, "C: RCPT TO:<alice@home.example>", "S: 503"] },
  { name: "DATA without recipients: 503 or 554", script: [...opening, "C: DATA", "S/ ^(503|554) "] },
  {
    name: "a bare LF in a message: refused in words",
    script: [
      ...toData,
      "C| Subject: x\r\n\r\na\nb\r\n.\r\n",
      "S/ ^5\\d\\d 5\\.\\S+ .*Bare",
      "C: NOOP",
      "S: 250",
    ],
  },
  {
    name: "smuggling by LF.LF: one message, refused",
    script: [
      ...toData,
      "C| Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@far.example>\r\nRCPT TO:<bob@home.example>\r\nDATA\r\n.\r\n",
      "S/ ^5\\d\\d 5\\.\\S+ .*Bare",
      "C: NOOP",
      "S: 250",
    ],
  },
  {
    name: "more than a hundred Received lines: 554 5.4.6",
    script: [
      ...toData,
      `C| ${"Received: by a.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n".repeat(101)}\r\n.\r\n`,
      "S: 554 5.4.6",
    ],
  },
  {
    name: "submission without a login: 530",
    on: "submission",
    as: stranger,
    script: [...hello, "C: MAIL FROM:<alice@home.example>", "S: 530 5.7.0"],
  },
  {
    name: "a wrong password: 535",
    on: "submission",
    as: stranger,
    script: [...hello, `C: AUTH PLAIN ${base64("\0alice@home.example\0wrong")}`, "S: 535 5.7.8"],
  },
  {
    name: "somebody else's address after a login: 550",
    on: "submission",
    as: stranger,
    script: [
      ...hello,
      `C: AUTH PLAIN ${base64(`\0alice@home.example\0${password}`)}`,
      "S: 235 2.7.0",
      "C: MAIL FROM:<bob@home.example>",
      "S: 550 5.7.1",
    ],
  },
];
