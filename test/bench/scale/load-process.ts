/** The process of `load.ts`: its load as JSON in the argument, the result by its channel; ends with it. */
import type { Load, LoadNews } from "./load.ts";
import { SmtpSession, textOf } from "./session.ts";
import { spreadOf } from "./spread.ts";

const load = JSON.parse(process.argv[2] ?? "") as Load;
const tell = (news: LoadNews) => void process.send?.(news);
process.on("disconnect", () => process.exit());

const body = textOf(load.octets);
const times = new Float64Array(load.messages);
let next = 0;

async function work(): Promise<void> {
  using session = await SmtpSession.connect(load.port);
  for (let n = next++; n < load.messages; n = next++) {
    const to = Array.from({ length: load.recipients }, (_, i) => {
      const job = n * load.recipients + i;
      return `u${job}@d${job % load.destinations}.${load.zone}`;
    });
    times[n] = await session.send({ from: "sender@bench.example", to, body });
  }
}

const began = performance.now();
try {
  await Promise.all(Array.from({ length: load.sessions }, work));
  tell({ seconds: (performance.now() - began) / 1_000, accept: spreadOf([...times]) });
} catch (error) {
  tell({ error: (error as Error).message });
}
