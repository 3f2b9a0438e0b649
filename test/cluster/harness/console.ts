/**
 * The console of the installation, reached as its guide says: through a forwarded port, by a token of a Secret.
 *
 * In:     the command of the guide's section on forwarding; any free port of this host is taken instead of the guide's.
 * Out:    its address, until it is disposed of; tokens by role.
 * Fails:  with what kubectl said, when it ends before it forwards.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { commandsIn } from "./guide.ts";
import { namespace } from "./installation.ts";
import { field } from "./kube.ts";
import { environment } from "./tools.ts";

export interface ForwardedConsole extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly base: string;
}

export async function forwardConsole(): Promise<ForwardedConsole> {
  const [command = ""] = (await commandsIn("console", "From your desk")).split("\n");
  const [program = "", ...args] = command
    .replace(/ +#.*/, "")
    .replace(/ 8025$/, " :8025")
    .split(" ");
  const child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line);
      if (found?.[1]) resolve(found[1]);
    });
    void ended.then(() => reject(new Error(`${command} ended: ${said}`)));
    child.once("error", reject);
  });
  return {
    base: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

export async function consoleToken(role: "operator" | "viewer"): Promise<string> {
  const encoded = await field(`{.data.${role}}`, "secret", "-n", namespace, "console-tokens");
  return Buffer.from(encoded, "base64").toString("latin1");
}
