/**
 * Mail as mailboxes hold it: trace lines, a signature, a text and its HTML. Every message differs.
 */
const words =
  "the quick brown fox jumps over lazy dog while mail waits in folders until somebody reads what others wrote".split(
    " ",
  );

/** Reproducible, since both servers must get the same. */
const noise = (n: number, i: number): number => ((n * 2_654_435_761 + i * 40_503) >>> 0) % words.length;

function lines(n: number, octets: number): string {
  let text = "";
  for (let i = 0; text.length < octets; i += 12) {
    for (let k = 0; k < 12; k++) text += `${words[noise(n, i + k)]} `;
    text = `${text.trimEnd()}\r\n`;
  }
  return text;
}

const base64 = (n: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => noise(n, i * 7) * 13)).toString("base64");

/** About so many octets in all; 1.6 kB of them header. */
export function mail(n: number, octets: number): Buffer {
  const date = new Date(Date.UTC(2026, 10, 1) + n * 60_000).toUTCString().replace("GMT", "+0000");
  const header = [
    `Return-Path: <sender${n % 500}@a.example>`,
    "Delivered-To: user@bench.example",
    `Received: from mx.b.example (mx.b.example [192.0.2.1])\r\n\tby mail.bench.example with ESMTPS id ${n}\r\n\tfor <user@bench.example>; ${date}`,
    `Received: from out.a.example (out.a.example [198.51.100.7])\r\n\tby mx.b.example with ESMTPS id ${n * 3}\r\n\tfor <user@bench.example>; ${date}`,
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=s1;\r\n\th=from:to:subject:date:message-id; bh=${base64(n, 32)};\r\n\tb=${base64(n + 1, 256).replace(/.{70}/g, "$&\r\n\t ")}`,
    `From: "Sender ${n % 500}" <sender${n % 500}@a.example>`,
    "To: User <user@bench.example>",
    `Cc: "Team ${n % 20}" <team${n % 20}@bench.example>`,
    `Subject: Message number ${n} about ${words[noise(n, 1)]} and ${words[noise(n, 2)]}`,
    `Message-ID: <${n}.${n * 7}@a.example>`,
    `In-Reply-To: <${Math.max(0, n - 1)}.${Math.max(0, n - 1) * 7}@a.example>`,
    `References: <${Math.max(0, n - 1)}.${Math.max(0, n - 1) * 7}@a.example>`,
    `Date: ${date}`,
    "MIME-Version: 1.0",
    'Content-Type: multipart/alternative; boundary="=_boundary"',
  ].join("\r\n");
  const part = (type: string, text: string) =>
    `--=_boundary\r\nContent-Type: text/${type}; charset=utf-8\r\n\r\n${text}\r\n`;
  const half = Math.max(40, (octets - header.length - 200) / 2);
  const plain = lines(n, half);
  return Buffer.from(
    `${header}\r\n\r\n${part("plain", plain)}${part("html", `<p>${lines(n + 1, half)}</p>`)}--=_boundary--\r\n`,
  );
}
