/**
 * A milter of our own for tests: it answers as it is told, and keeps what it was shown.
 *
 * Use:    `await using milter = await startMilter({ end: ["h X-Seen yes", "c"] });`
 * Answers: a letter and words, which become texts (`"y 550 5.7.1 no"` is one text); none: it stays silent.
 */
import { once } from "node:events";
import net from "node:net";
import { type Frame, FrameReader, frame, texts } from "../../daemon/filters/milter/frames.ts";

export interface MilterScript {
  /** By the letter of the packet; what is not named is answered `c`. */
  readonly on?: Readonly<Record<string, readonly string[]>>;
  /** Bits of the protocol that it chooses. */
  readonly protocol?: number;
  readonly version?: number;
  /** It hangs up when this packet comes. */
  readonly hangUpAt?: string;
}

export interface Shown {
  readonly packets: readonly string[];
  readonly body: Buffer;
}

export interface TestMilter extends AsyncDisposable {
  readonly port: number;
  /** One for each connection. */
  readonly shown: readonly Shown[];
}

class Connection implements Shown {
  readonly packets: string[] = [];
  readonly parts: Buffer[] = [];

  get body(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** What an answer in a script is on the wire. */
function answerPacket(answer: string): Buffer {
  const [letter = "", ...words] = answer.split(" ");
  if (letter === "h") return frame("h", texts(words[0] ?? "", words.slice(1).join(" ")));
  if (letter === "i" || letter === "m")
    return frame(letter, Buffer.alloc(4), texts(words[0] ?? "", words.slice(1).join(" ")));
  return words.length === 0 ? frame(letter) : frame(letter, texts(words.join(" ")));
}

export async function startMilter(script: MilterScript = {}, path?: string): Promise<TestMilter> {
  const shown: Connection[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const one = new Connection();
    shown.push(one);
    const reader = new FrameReader();
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const packet of reader.push(chunk)) {
        if (packet.letter === script.hangUpAt) return socket.destroy();
        if (packet.letter === "B") one.parts.push(Buffer.from(packet.data));
        else one.packets.push(textOf(packet));
        for (const answer of answersTo(packet, script)) socket.write(answer);
      }
    });
  });
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    shown,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const silentBits: Readonly<Record<string, number>> = {
  L: 0x80,
  C: 0x1000,
  H: 0x2000,
  M: 0x4000,
  R: 0x8000,
  T: 0x10000,
  N: 0x40000,
  B: 0x80000,
};

function answersTo(
  { letter }: Frame,
  { on = {}, protocol = 0, version = 6 }: MilterScript,
): readonly Buffer[] {
  if (letter === "O") {
    const data = Buffer.alloc(12);
    data.writeUInt32BE(version, 0);
    data.writeUInt32BE(0x31, 4);
    data.writeUInt32BE(protocol, 8);
    return [frame("O", data)];
  }
  if (letter === "D" || letter === "Q" || (protocol & (silentBits[letter] ?? 0)) !== 0) return [];
  return (on[letter] ?? ["c"]).map(answerPacket);
}

/** `H client.example`; texts are joined by spaces, and what is none is left out. */
const textOf = ({ letter, data }: Frame): string =>
  letter === "O" ? "O" : `${letter} ${data.toString("latin1").replaceAll("\0", " ")}`.trim();
