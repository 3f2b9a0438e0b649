/**
 * What the replicas of a race show in the end, read as any program reads it: folder by folder, flags and all.
 */
import { untilTrue } from "../../harness/until.ts";
import { type Account, differences, type Shown } from "./account.ts";
import { Imap } from "./imap.ts";
import { folders, namesIn } from "./racer.ts";
import { password, type Replicas, user } from "./replicas.ts";

/** What both replicas show once every delivery that was acknowledged has been filed. */
export async function settled(
  { both }: Replicas,
  account: Account,
  delivered: number,
): Promise<readonly [Shown[], Shown[]]> {
  const look = () =>
    Promise.all(both.map(({ imap }) => shownBy(imap, { user, password }))) as Promise<[Shown[], Shown[]]>;
  let shown = await look();
  await untilTrue(
    `${delivered} deliveries to be filed`,
    async () => {
      shown = await look();
      return account.check(shown[0]).length === 0 && differences(...shown).length === 0;
    },
    120_000,
  ).catch(() => {}); // what is still wrong is told by who asked
  return shown;
}

export async function shownBy(
  port: number,
  login: { readonly user: string; readonly password: string },
): Promise<Shown[]> {
  using imap = await Imap.enter(port, login.user, login.password);
  const shown: Shown[] = [];
  for (const folder of folders) {
    const selected = await imap.command(`EXAMINE ${folder}`);
    if (/^\* 0 EXISTS/m.test(selected)) continue;
    const answer = await imap.command("UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Name)])");
    const facts = new Map<number, Pick<Shown, "flags" | "modseq">>();
    for (const [, uid, flags = "", modseq] of answer.matchAll(
      /\(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)/g,
    ))
      facts.set(Number(uid), { flags: flags.split(" ").sort().join(" "), modseq: Number(modseq) });
    for (const [uid, name] of namesIn(answer))
      shown.push({ folder, uid, name, ...(facts.get(uid) ?? { flags: "?", modseq: 0 }) });
    const exists = Number(/^\* (\d+) EXISTS/m.exec(selected)?.[1]);
    if (exists !== facts.size) throw new Error(`${folder} has ${exists} messages and shows ${facts.size}`);
  }
  return shown;
}
