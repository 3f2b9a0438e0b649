/**
 * What we offer a milter, and what it chose.
 *
 * We offer to add and change fields (both put a field in front, see `opinion.ts`) and to quarantine (into Junk). A filter
 * of libmilter that cannot do without more hangs up here; one that asks for more all the same fails when it uses it.
 *
 * Spec:   `SMFIC_OPTNEG`, version 2 to 6.
 */
import { FilterFailed } from "../filter.ts";
import { type Frame, frame } from "./frames.ts";

const version = 6;
const oldest = 2;

const actions = { addFields: 0x01, changeFields: 0x10, quarantine: 0x20 } as const;

/** A step is left out where the milter sets its bit. */
const leaveOut = {
  connect: 0x01,
  helo: 0x02,
  mail: 0x04,
  rcpt: 0x08,
  body: 0x10,
  fields: 0x20,
  endOfHeader: 0x40,
  data: 0x200,
} as const;

/** A step is not answered where the milter sets its bit. */
const noAnswer = {
  fields: 0x80,
  connect: 0x1000,
  helo: 0x2000,
  mail: 0x4000,
  rcpt: 0x8000,
  data: 0x10000,
  endOfHeader: 0x40000,
  body: 0x80000,
} as const;

/** We understand "no more of the body, please"; values keep the space behind their colon. */
const skip = 0x400;
const leadingSpace = 0x100000;

export type Step = keyof typeof leaveOut;

const all = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((sum, bit) => sum | bit, 0);

export function offer(): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt32BE(version, 0);
  data.writeUInt32BE(all(actions), 4);
  data.writeUInt32BE(all(leaveOut) | all(noAnswer) | skip | leadingSpace, 8);
  return frame("O", data);
}

export interface Options {
  wants(step: Step): boolean;
  answers(step: Step): boolean;
  readonly leadingSpace: boolean;
}

/** What it chose; of the protocol's bits only those that we offered count. Texts behind them name macros: we send ours. */
export function chosen({ letter, data }: Frame): Options {
  if (letter !== "O" || data.length < 12) throw new FilterFailed("it does not speak the milter protocol");
  const spoken = data.readUInt32BE(0);
  if (spoken < oldest || spoken > version)
    throw new FilterFailed(`it speaks version ${spoken} of the milter protocol`);
  const protocol = data.readUInt32BE(8);
  const has = (bit: number) => (protocol & bit) !== 0;
  return {
    // DATA came with version 4.
    wants: (step) => !has(leaveOut[step]) && (step !== "data" || spoken >= 4),
    answers: (step) => !has(noAnswer[step]),
    leadingSpace: has(leadingSpace),
  };
}
