/** How the API shows a job. Names and replies are as strangers wrote them: whoever shows them takes them for text. */
import type { FoundJob } from "../operate/job-list.ts";
import type { JobShape } from "./shapes.ts";

const SHOWN = 20;
const LONGEST = 1_900;

export function jobShape({ key, state, job }: FoundJob): JobShape {
  const { recipients, sender, body, order, reroute } = job;
  const waits = state === "held" || state === "paused";
  return {
    key,
    message: job.message,
    group: job.group,
    class: job.class,
    policy: job.policy,
    state,
    destination: job.destination,
    sender: sender.path,
    recipients: recipients.slice(0, SHOWN).map(({ address }) => address),
    moreRecipients: Math.max(0, recipients.length - SHOWN),
    size: body.size,
    queuedAt: job.queuedAt,
    attempts: job.attempts,
    ...(waits ? {} : { nextAttempt: Math.max(0, Math.round(job.nextAttempt)) }),
    ...(reroute ? { reroute } : {}),
    isOrderedBack: order !== undefined,
    history: job.history.map(({ at, remote, bounce, reply: { code, enhanced, text } }) => ({
      at,
      ...(bounce === undefined ? {} : { bounce }),
      reply: `${code} ${enhanced} ${text}`.slice(0, LONGEST),
      ...(remote === undefined ? {} : { by: remote.name.slice(0, LONGEST) }),
    })),
  };
}
