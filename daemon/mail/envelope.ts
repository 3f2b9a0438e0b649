/**
 * The envelope: what MAIL and RCPT said, apart from the message's octets.
 *
 * Spec: RFC 5321 §2.3.1; DSN parameters RFC 3461 §4; SMTPUTF8 RFC 6531; 8BITMIME RFC 6152.
 */
import type { Address, ReversePath } from "./address.ts";

/** RFC 3461 §4.1; `never` excludes the others. `undefined` on a recipient means the default: failure and delay. */
export type Notify = "never" | readonly ("success" | "failure" | "delay")[];

/** RFC 3461 §4.2: `addr-type;address`, already xtext-decoded, free of control characters. */
export interface OriginalRecipient {
  readonly type: string;
  readonly address: string;
}

export interface Recipient {
  /** Where the message goes now (after aliases). */
  readonly address: Address;
  readonly notify?: Notify;
  readonly orcpt?: OriginalRecipient;
  /** Filed into the folder Junk, when it is filed here. */
  readonly junk?: true;
  /** The sender's own copy: it belongs into Sent, with these Bcc fields, which nobody else may see. */
  readonly sent?: { readonly bcc: string };
}

export interface Sender {
  readonly path: ReversePath;
  /** RFC 3461 §4.3 */
  readonly ret?: "FULL" | "HDRS";
  /** RFC 3461 §4.4, xtext-decoded, printable ASCII. */
  readonly envid?: string;
  /** `BODY=`; `8BITMIME` when the client said so. */
  readonly body: "7BIT" | "8BITMIME";
  /** The client said SMTPUTF8: headers or addresses may hold UTF-8. */
  readonly smtputf8: boolean;
  /** REQUIRETLS: every hop must be proven and encrypted, or the message comes back. RFC 8689 */
  readonly requireTls?: true;
  /** `TLS-Required: No`: what recipients' domains demand of the way (DANE, MTA-STS) does not hold it up. RFC 8689 §3 */
  readonly tlsOptional?: true;
}

/** Where a message came from; recorded in Received, in the job and in the trace. */
export interface Origin {
  /** IP address without port; `"local"` for messages that we made (DSNs). */
  readonly client: string;
  readonly helo: string;
  /** The login name, when the client authenticated. */
  readonly user?: string;
  /** The client may speak for domains of ours: it logged in, or its address is on a policy's list. */
  readonly trusted?: true;
  readonly tls?: { readonly protocol: string; readonly cipher: string };
  readonly protocol:
    | "SMTP"
    | "ESMTP"
    | "ESMTPS"
    | "ESMTPA"
    | "ESMTPSA"
    | "UTF8SMTP"
    | "UTF8SMTPS"
    | "UTF8SMTPA"
    | "UTF8SMTPSA"
    | "local";
}
