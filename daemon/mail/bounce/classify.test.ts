/** Replies as servers of large providers and the usual programs write them, and what each is about. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplyReader } from "../remote-reply.ts";
import { type Reply, reply } from "../reply.ts";
import { type BounceClass, bounceClasses } from "./classes.ts";
import { classify } from "./classify.ts";

function heard(lines: string): Reply {
  const replies: Reply[] = [];
  new ReplyReader().push(Buffer.from(`${lines.replaceAll("\n", "\r\n")}\r\n`), (each) => replies.push(each));
  assert.equal(replies.length, 1, lines);
  return replies[0] as Reply;
}

const table: Readonly<Partial<Record<BounceClass, readonly string[]>>> = {
  "mailbox-unknown": [
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos\n550 5.1.1 https://support.google.com/mail/?p=NoSuchUser a1-20020 - gsmtp",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [DB5EUR03FT040.eop-EUR03.prod.protection.outlook.com]",
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
    "554 delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com) [0] - mta4107.mail.bf1.yahoo.com",
    "552 1 Requested mail action aborted, mailbox not found",
    "550 5.1.1 <bob@icloud.com>: user does not exist",
    "550 Requested action not taken: mailbox unavailable",
    "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
    "550 Message was not accepted -- invalid mailbox.  Local mailbox bob@mail.ru is unavailable: user not found",
    "550 5.7.1 No such user!",
    "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <spam@example.org> User doesn't exist: spam@example.org",
    "550 Unrouteable address",
    "550 5.1.1 <bob@example.org>... User unknown",
    "550 #5.1.0 Address rejected.",
    "550 5.1.1 Not our Customer [smtp-in1]",
    "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [kYx]",
    "551 User not local; please try <forward-path>",
    "550 No such mailbox here",
    "550 5.1.6 Recipient has moved",
    "450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address",
  ],
  "mailbox-disabled": [
    "550 5.2.1 The email account that you tried to reach is disabled. Learn more at https://support.google.com/mail/?p=DisabledUser",
    "554 30 Sorry, your message to bob@yahoo.com cannot be delivered. This mailbox is disabled (554.30).",
    "550 5.2.1 This mailbox is inactive",
    "550 User suspended",
    "554 5.7.1 The account has been suspended for inactivity",
    "550 bob@example.org is no longer in use",
  ],
  "mailbox-full": [
    "552-5.2.2 The email account that you tried to reach is over quota. Please direct\n552 5.2.2 the recipient to https://support.google.com/mail/?p=OverQuotaPerm",
    "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n452 4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp",
    "554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
    "550 5.5.0 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]",
    "552 5.2.2 <bob@example.org> Quota exceeded (mailbox for user is full)",
    "552 Requested mail action aborted: exceeded storage allocation",
    "452 4.2.2 Mailbox full",
  ],
  "mailbox-busy": [
    "450-4.2.1 The user you are trying to contact is receiving mail at a rate that\n450 4.2.1 prevents additional messages from being delivered.",
    "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
    "451 Ratelimit exceeded for mailbox bob@mail.ru. Try again later.",
    "450 Requested mail action not taken: mailbox unavailable",
    "450 4.2.0 come back later",
  ],
  "domain-unknown": [
    "550 5.1.2 The domain nowhere.example does not exist",
    "556 5.1.10 Recipient address has null MX",
    "521 mail.example.org does not accept mail",
    "550 5.1.2 bad destination",
  ],
  policy: [
    "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
    "554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; not allowed for this group",
    "550 Administrative prohibition",
    "554 5.7.1 <bob@example.org>: Recipient address rejected: Access denied",
    "550 5.7.1 No",
  ],
  reputation: [
    "550-5.7.1 [192.0.2.1      12] Our system has detected that this message is\n550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\n550 5.7.1 this message has been blocked.",
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
    "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/",
    "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.",
    "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.",
    "554-gmx.net (mxgmx016) Nemesis ESMTP Service not available\n554-No SMTP service\n554-IP address is block listed.\n554 For explanation visit https://postmaster.gmx.net/",
    "550 5.7.0 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1",
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
    "554 5.7.1 Message rejected under suspicion of SPAM; https://ya.cc/1IrBc",
    "550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=x",
    "554 rejected due to poor reputation of 192.0.2.1",
  ],
  "rate-limited": [
    "421-4.7.28 [192.0.2.1      15] Our system has detected an unusual rate of\n421-4.7.28 unsolicited mail originating from your IP address. To protect our\n421-4.7.28 users from spam, mail sent from your IP address has been temporarily\n421 4.7.28 rate limited.",
    "421 4.7.0 Try again later, closing connection.",
    "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)",
    "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
    "421 RP-001 (COL004-MC1F1) Unfortunately, some messages from 192.0.2.1 weren't sent: the sending IP has exceeded the rate limit allowed.",
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1",
    "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]",
    "450 4.7.1 Error: too much mail from 192.0.2.1",
    "421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1",
    "421 Too many concurrent SMTP connections; please try again later.",
    "421 4.3.2 Connection rate limit exceeded.",
    "454 Throttling failure: Maximum sending rate exceeded.",
    "454 Throttling failure: Daily message quota exceeded.",
    "550 5.4.5 Daily user sending limit exceeded.",
    "550 Ip frequency limited. http://service.mail.qq.com/",
    "421 4.1.0 192.0.2.1 Throttled - try again later.",
    "450 4.7.1 Too many messages, try again in 42 seconds",
    "451 4.7.28 no words at all",
  ],
  greylisted: [
    "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html",
    "451 4.7.1 Greylisting in action, please come back later",
    "450 4.7.1 Grey-listed, try again in 300 seconds",
    "451 Graylisted, please try again later",
  ],
  auth: [
    "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's\n550 5.7.26 DMARC policy.",
    "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a\n550 5.7.25 PTR record setup, or the corresponding forward DNS entry does not match",
    "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification",
    "550 5.7.515 Access denied, sending domain doesn't meet the required authentication level.",
    "550-Requested action not taken: mailbox unavailable\n550 Reject due to SPF policy.",
    "550 MI:SPF 163 mx10 Please see http://mail.163.com/help",
    "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
    "450 4.1.8 <us@example.net>: Sender address rejected: Domain not found",
    "550 5.1.0 <us@example.net>: Sender address rejected: User unknown in virtual mailbox table",
    "450 4.7.1 <localhost>: Helo command rejected: Host not found",
    "550 5.7.23 no words at all",
    "550-Verification failed for <us@example.net>\n550 Sender verify failed",
    "550 Rejected by header based Anti-Spoofing policy: us@example.net",
  ],
  content: [
    "552-5.7.0 This message was blocked because its content presents a potential\n552 5.7.0 security issue.",
    "554 5.7.1 Virus found: Eicar-Test-Signature",
    "550 Mail content denied. http://service.mail.qq.com/",
    "554 5.6.0 no words at all",
    "550 5.7.1 Messages with multiple From headers are not taken",
  ],
  size: [
    "552-5.3.4 Your message exceeded Google's message size limits. To view our message\n552 5.3.4 size guidelines, go to",
    "552 5.3.4 Message size exceeds fixed limit",
    "552 Message size exceeds maximum permitted",
    "550 5.2.3 no words at all",
  ],
  dns: ["451 4.4.3 The DNS gives no answer for example.org now: timed out", "451 4.4.4 cannot be found now"],
  network: ["451 4.4.1 connecting to mx.example.org failed: connect ECONNREFUSED", "451 4.4.2 lost"],
  tls: [
    "530 5.7.0 Must issue a STARTTLS command first",
    "451 4.7.5 TLS handshake: self-signed certificate",
    "550 5.7.10 no words at all",
    "454 4.7.0 TLS not available due to local problem",
  ],
  system: [
    "452 4.3.1 Insufficient system storage",
    "451 4.3.0 <bob@example.org>: Temporary lookup failure",
    "451 4.3.0 Error: queue file write error",
    "421 4.3.2 The system is shutting down",
    "421 Service not available, closing transmission channel",
    "421 4.3.0 Temporary System Problem.  Try again later.",
    "451 4.7.1 Sorry, the service is currently unavailable. Please come back later.",
    "451 Requested action aborted: local error in processing",
  ],
  routing: [
    "554 5.7.1 <bob@example.org>: Relay access denied",
    "550 5.7.64 TenantAttribution; Relay Access Denied",
    "550 relay not permitted",
    "554 5.4.14 Hop count exceeded - possible mail loop",
    "554 5.4.6 Too many hops: the message has been going round in a circle",
  ],
  protocol: [
    "503 5.5.1 Error: need RCPT command",
    "452 4.5.3 Error: too many recipients",
    "555 Unsupported option",
  ],
  expired: ["554 5.4.7 delivery time expired", "550 retry timeout exceeded"],
  other: ["550 OFR_XX", "554 Transaction failed", "499 4.0.0 hm"],
};

for (const [wanted, replies] of Object.entries(table))
  for (const line of replies)
    test(`${wanted}: ${line.slice(0, 90).replace(/\s+/g, " ")}`, () =>
      assert.equal(classify(heard(line)), wanted));

test("an address says nothing of what a reply is about", () => {
  assert.equal(classify(reply(550, "5.1.1", "<spam.full@blacklist.example>: no")), "mailbox-unknown");
  assert.equal(classify(reply(550, "5.1.1", "greylisted@example.org: no")), "mailbox-unknown");
});

test("a code that stands in the text counts where no other does; an IP address is none", () => {
  assert.equal(classify(reply(550, "5.0.0", "(#5.1.1) sorry")), "mailbox-unknown");
  assert.equal(classify(reply(550, "5.0.0", "host [5.1.1.9] sorry")), "other");
});

test("property: whatever a server writes, the class is one of ours", () => {
  const all = new Set<string>(bounceClasses);
  fc.assert(
    fc.property(
      fc.integer({ min: 400, max: 599 }),
      fc.nat(9),
      fc.nat(30),
      fc.string({ unit: "binary", maxLength: 300 }),
      (code, subject, detail, text) => {
        assert.ok(all.has(classify(reply(code, `${Math.trunc(code / 100)}.${subject}.${detail}`, text))));
      },
    ),
  );
});
