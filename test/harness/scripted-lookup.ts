/** The DNS as rules about strangers ask it, by a table: `A name` → addresses, `PTR name` → names. */
import type { Lookup } from "../../daemon/auth/origin/lookup.ts";

/** `failed`: SERVFAIL; `silent`: no answer until it is given up. */
export type Answers = Readonly<Record<string, readonly string[] | "failed" | "silent">>;

export function scriptedLookup(answers: Answers): { readonly lookup: Lookup; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    lookup: (name, type, signal) => {
      const question = `${type} ${name}`;
      asked.push(question);
      const answer = answers[question];
      if (answer === "silent")
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        );
      if (answer === "failed") return Promise.resolve({ kind: "failed", text: "SERVFAIL" });
      if (answer === undefined) return Promise.resolve({ kind: "nxdomain" });
      const records = type === "A" || type === "AAAA" ? answer.map((address) => ({ address })) : answer;
      return Promise.resolve({ kind: "found", records });
    },
  };
}
