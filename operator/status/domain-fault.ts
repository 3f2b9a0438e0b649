/**
 * A domain that a resource stands or falls with, and for which daemons take no mail: what that is called, and what helps.
 */
import type { Outlook } from "./verdicts.ts";

/** `holder`: the MailDomain that declares the domain, `namespace/name`. */
export interface DomainFault {
  readonly is: /** On its way to the daemons. */
    | "pending"
    /** The annotation keeps it from being published. */
    | "frozen"
    | "refused"
    /** Under deletion. */
    | "leaving";
  readonly domain: string;
  readonly holder: string;
  /** Why nothing can be published now. */
  readonly why?: string;
}

export function domainFaultOutlook({ is, domain, holder, why }: DomainFault): Outlook {
  const lacking = `daemons do not know ${domain} yet, and refuse its mail`;
  switch (is) {
    case "pending":
      return why === undefined
        ? {
            kind: "progressing",
            reason: "DomainPending",
            message: `${lacking}: MailDomain ${holder} is on its way to them`,
          }
        : {
            kind: "progressing",
            reason: "StoreAway",
            message: `${lacking}: they cannot be told: ${why}; it is tried again`,
          };
    case "frozen":
      return {
        kind: "progressing",
        reason: "DomainPending",
        message: `${lacking}: the annotation mail.postfleet.dev/paused keeps MailDomain ${holder} from being published; remove it to go on`,
      };
    case "refused":
      return {
        kind: "stalled",
        reason: "DomainRefused",
        message: `${lacking}: MailDomain ${holder} is not accepted; correct it as its condition Accepted says`,
      };
    case "leaving":
      return {
        kind: "progressing",
        reason: "DomainDeleting",
        message: `mail to ${domain} is refused: MailDomain ${holder} is being deleted`,
      };
  }
}
