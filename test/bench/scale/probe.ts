/**
 * A healthy site's mail while everything else goes on: so many messages a second, whether the last one came or not.
 *
 * In:     the gateway's port, the world's arrivals.
 * Out:    for each phase: how long the 250 took, and how long from the final dot until the message was whole at the site.
 *         `late`: those of the phase that had not come when somebody asked.
 */
import { healthyDomain } from "./places.ts";
import { SmtpSession, textOf } from "./session.ts";
import { type Spread, spreadOf } from "./spread.ts";
import { sharedNow } from "./time.ts";
import type { World } from "./world.ts";

export interface PhaseReport {
  readonly name: string;
  readonly accept: Spread;
  readonly delay: Spread;
  /** Not taken: the gateway said no, or was away. */
  readonly refused: number;
  /** Taken, and not there when the phase was looked at. */
  readonly late: number;
}

interface Phase {
  readonly name: string;
  readonly accept: number[];
  readonly delays: number[];
  readonly open: Map<string, number>;
  refused: number;
}

/** Before a phase is judged, what it sent may still come. */
const PATIENCE_MS = 60_000;

export class Probe implements Disposable {
  readonly #port: number;
  readonly #idle: SmtpSession[] = [];
  readonly #phases: Phase[] = [];
  readonly #byAddress = new Map<string, Phase>();
  readonly #body = textOf(1_000);
  #timer: NodeJS.Timeout | undefined;
  #serial = 0;

  constructor(port: number, world: World, perSecond: number) {
    this.#port = port;
    world.onArrival = (address, at) => this.#arrived(address, at);
    this.begin("start");
    this.#timer = setInterval(() => void this.#send(), 1_000 / perSecond);
  }

  begin(name: string): void {
    this.#phases.push({ name, accept: [], delays: [], open: new Map(), refused: 0 });
  }

  /** Resolves when every message of the phases so far has come, or patience is over. */
  async settled(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const before = this.#phases.slice(0, -1);
    while (before.some(({ open }) => open.size > 0) && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }

  reports(): PhaseReport[] {
    return this.#phases
      .filter(({ name }) => name !== "start")
      .map(({ name, accept, delays, open, refused }) => {
        // What has not come is at least as late as it is by now.
        const waited = [...open.values()].map((dotAt) => sharedNow() - dotAt);
        const delay = spreadOf([...delays, ...waited]);
        return { name, accept: spreadOf(accept), delay, refused, late: open.size };
      });
  }

  async #send(): Promise<void> {
    const phase = this.#phases.at(-1) as Phase;
    const address = `p${this.#serial++}@${healthyDomain}`;
    let session: SmtpSession | undefined;
    try {
      session = this.#ready() ?? (await SmtpSession.connect(this.#port));
      const message = { from: "probe@bench.example", to: [address], body: this.#body };
      const ms = await session.send(message, (at) => {
        phase.open.set(address, at);
        this.#byAddress.set(address, phase);
      });
      phase.accept.push(ms);
      this.#idle.push(session);
    } catch {
      session?.[Symbol.dispose]();
      phase.open.delete(address);
      phase.refused++;
    }
  }

  /** One that the server has not closed because it idled for long. */
  #ready(): SmtpSession | undefined {
    for (let session = this.#idle.pop(); session; session = this.#idle.pop())
      if (session.isOpen) return session;
    return undefined;
  }

  #arrived(address: string, at: number): void {
    const phase = this.#byAddress.get(address);
    const dotAt = phase?.open.get(address);
    if (phase === undefined || dotAt === undefined) return;
    phase.open.delete(address);
    this.#byAddress.delete(address);
    phase.delays.push(at - dotAt);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const session of this.#idle) session[Symbol.dispose]();
  }
}
