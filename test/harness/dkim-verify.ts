/**
 * Verifiers of DKIM signatures that others wrote: mailauth, and dkimpy where Python has it.
 *
 * In:     a message; TXT records by name.
 * Out:    one line a signature: `pass rsa-sha256 example.org s1`, or `fail …` with the reason.
 */
import { execFileSync } from "node:child_process";
import { arc } from "mailauth/lib/arc/index.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { pythonWith } from "./python.ts";

const resolverOf = (records: TxtRecords) => async (name: string, type: string) => {
  const text = type === "TXT" ? records[name] : undefined;
  if (text === undefined) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  return [[text]];
};

export type TxtRecords = Readonly<Record<string, string>>;

export async function verifiedByMailauth(message: Buffer, records: TxtRecords): Promise<readonly string[]> {
  const { results } = await dkimVerify(message, { resolver: resolverOf(records) } as never);
  return results.map(({ status, signingDomain, selector, algo }) => {
    const comment = status.result === "pass" ? "" : ` ${status.comment ?? ""}`;
    return `${status.result} ${algo} ${signingDomain} ${selector}${comment}`;
  });
}

const python = `
import sys, json, base64, dkim
order = json.load(sys.stdin)
message = base64.b64decode(order["message"])
def txt(name, timeout=5):
    text = order["records"].get(name.decode().rstrip("."))
    return None if text is None else text.encode()
d = dkim.DKIM(message)
count = sum(1 for n, _ in d.headers if n.lower() == b"dkim-signature")
out = []
for i in range(count):
    d = dkim.DKIM(message)
    try:
        ok = d.verify(idx=i, dnsfunc=txt)
        why = "" if ok else " bad signature"
    except Exception as e:
        ok, why = False, " " + str(e)
    s = d.signature_fields
    out.append(("pass" if ok else "fail") + " " + " ".join(s.get(k, b"?").decode() for k in (b"a", b"d", b"s")) + why)
print(json.dumps(out))
`;

const dkimpy = pythonWith("dkim", "nacl");

/** The reason to skip a test with dkimpy. */
export const noDkimpy: string | false = dkimpy.skip;

export function verifiedByDkimpy(message: Buffer, records: TxtRecords): readonly string[] {
  const input = JSON.stringify({ message: message.toString("base64"), records });
  return JSON.parse(execFileSync(dkimpy.program, ["-c", python], { input, encoding: "utf8" })) as string[];
}

/** The state of a message's ARC chain. */
export async function arcByMailauth(message: Buffer, records: TxtRecords): Promise<string> {
  const resolver = resolverOf(records);
  const { arc: data } = (await dkimVerify(message, { resolver } as never)) as unknown as { arc: never };
  const result = await arc(data, { resolver } as never);
  return result?.status?.result ?? "none";
}

const arcPython = `
import sys, json, base64, dkim
order = json.load(sys.stdin)
def txt(name, timeout=5):
    text = order["records"].get(name.decode().rstrip("."))
    return None if text is None else text.encode()
cv, results, comment = dkim.arc_verify(base64.b64decode(order["message"]), dnsfunc=txt)
print(cv.decode())
`;

export function arcByDkimpy(message: Buffer, records: TxtRecords): string {
  const input = JSON.stringify({ message: message.toString("base64"), records });
  return execFileSync(dkimpy.program, ["-c", arcPython], { input, encoding: "utf8" }).trim();
}
