/**
 * Plays an SMTP dialogue on a real socket, line by line.
 *
 * In:     `C: EHLO a.example` (said with CRLF), `C| text` (said as it is), `S: 250` (how the next reply begins), `S/ regexp`
 *         (what the whole next reply matches), `S! ` (the server hangs up).
 * Fails:  with the dialogue so far when the server says something else.
 */
import assert from "node:assert/strict";
import { RawClient } from "./smtp-client.ts";

/** Returns the replies, for what a test wants to look at closer. */
export async function dialogue(
  port: number,
  script: readonly string[],
  as?: string,
): Promise<readonly string[]> {
  await using client = await RawClient.connect(port, "127.0.0.1", as);
  const replies: string[] = [];
  const told: string[] = [];
  for (const line of script) {
    const text = line.slice(3);
    told.push(line);
    if (line.startsWith("C: ")) client.send(`${text}\r\n`);
    else if (line.startsWith("C| ")) client.send(Buffer.from(text, "latin1"));
    else if (line.startsWith("S!")) await client.closed();
    else {
      const reply = await client.reply();
      replies.push(reply);
      const good = line.startsWith("S/ ") ? new RegExp(text, "s").test(reply) : reply.startsWith(text);
      assert.ok(good, `${told.join("\n")}\nbut the server said: ${reply || "(nothing, and hung up)"}`);
    }
  }
  return replies;
}
