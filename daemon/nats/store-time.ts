/**
 * What time it is for the server that we are connected to. Every user may ask about itself, and the answer bears the
 * server's clock; so it costs no stream and no leader, a small question every five seconds.
 *
 * In:     the link; who is told what that clock shows now.
 * Fails:  never: a server that does not answer, or not in time to mean anything, is asked again; one that refuses the question,
 *         to creds that do not have it yet, is not asked again for ten minutes.
 */
import type { Link } from "./connect.ts";
import { USER_INFO } from "./users/permissions.ts";

const EVERY_MS = 5_000;
const REFUSED_MS = 600_000;
/** An answer that took longer tells nothing about now, ms. */
const LONGEST_MS = 2_000;

type Asked = Pick<Link, "nc" | "isUp">;

interface Answer {
  readonly server?: { readonly time?: string };
}

export async function followStoreTime(
  link: Asked,
  tell: (theirs: number) => void,
  everyMs = EVERY_MS,
): Promise<Disposable> {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const follow = async () => {
    const wait = (await look(link, tell)) ? everyMs : REFUSED_MS;
    if (!ended) timer = setTimeout(() => void follow(), wait);
  };
  await follow();
  return {
    [Symbol.dispose]: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** False: it was refused. */
async function look(link: Asked, tell: (theirs: number) => void): Promise<boolean> {
  if (!link.isUp()) return true;
  const asked = performance.now();
  try {
    const { server } = (await link.nc.request(USER_INFO, "", { timeout: LONGEST_MS })).json<Answer>();
    const then = Date.parse(server?.time ?? "");
    if (!Number.isNaN(then)) tell(then + (performance.now() - asked) / 2);
    return true;
  } catch (error) {
    return !(error instanceof Error && /permission/i.test(`${error.name} ${error.message}`));
  }
}
