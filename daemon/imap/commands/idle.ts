/**
 * IDLE: tells changes as they come, until the client says DONE.
 *
 * Spec:   RFC 9051 §6.3.13, RFC 2177. The autologout timer runs on: clients renew IDLE within 29 minutes.
 */

import { Gone } from "../../kit/output.ts";
import { bad, ok } from "../answer.ts";
import type { Command, Commands } from "../talk.ts";

const longestDone = 100;

const idling: Command = {
  when: "user",
  async run(talk, { args }) {
    args.end();
    talk.out.line("+ idling");
    talk.announce(true);
    talk.out.flush();
    talk.idling = true;
    const line = await talk.input.line(longestDone).finally(() => {
      talk.idling = false;
    });
    if (line.kind === "ended") throw new Gone();
    return line.kind === "line" && line.text.toUpperCase() === "DONE"
      ? ok("IDLE completed")
      : bad("Expected DONE", "CLIENTBUG");
  },
};

export const idle: Commands = { IDLE: idling };
