/**
 * From the passwords of a mailbox, as its Secrets hold them, to what daemons are told: hashes and SCRAM verifiers.
 *
 * In:     the mailbox's own password and its app passwords, each in plain text or as an argon2id hash; what is in force.
 * Out:    a hash for each, and a verifier for each that is plain; what is in force is kept while it fits, so that
 *         publishing the same again changes nothing. A hash allows no verifier, unless its Secret holds one too.
 * Salts:  the plain passwords of one mailbox share one salt and one cost, for hashes and for verifiers. So one
 *         computation compares a login with all of them, and SCRAM, which tells the client one salt, works with each.
 * Spec:   RFC 9106 (argon2id), RFC 5802 §3 (verifiers).
 */
import { createHmac, randomBytes } from "node:crypto";
import { hashAndVerifier, isHash, parsePhc } from "../../crds/password.ts";
import type { DeclaredAppPassword, DeclaredKey, DeclaredMailbox } from "../directory/declared.ts";
import { formatScramVerifier, parseScramVerifier } from "../kit/scram-verifier.ts";
import { type Cost, defaultCost, hashPassword } from "./password.ts";
import { defaultIterations, deriveVerifier } from "./sasl/scram-keys.ts";

/** What is kept of passwords. */
export type PasswordSecrets = Pick<DeclaredMailbox, "passwordHash" | "scram" | "appPasswords">;

export interface Passwords {
  readonly main?: string;
  readonly apps: readonly { readonly name: string; readonly password: string }[];
}

interface Kept {
  readonly hash: string;
  readonly scram?: string;
}

interface Wanted {
  readonly password: string;
  readonly inForce: Partial<Kept>;
}

export class PasswordBook {
  readonly #cost: Cost & { readonly iterations: number };
  /** What was made last, so that a reload costs nothing for passwords that are what they were. */
  readonly #known = new Map<DeclaredKey, { readonly digest: string; readonly secrets: PasswordSecrets }>();
  readonly #key = randomBytes(32);

  constructor(cost: Cost & { readonly iterations?: number } = defaultCost) {
    this.#cost = { iterations: defaultIterations, ...cost };
  }

  async secrets(
    mailbox: DeclaredKey,
    passwords: Passwords,
    inForce: PasswordSecrets | undefined,
  ): Promise<PasswordSecrets> {
    const digest = createHmac("sha256", this.#key).update(JSON.stringify(passwords)).digest("base64");
    const known = this.#known.get(mailbox);
    if (known?.digest === digest) return known.secrets;
    const secrets = await this.#make(passwords, inForce);
    this.#known.set(mailbox, { digest, secrets });
    return secrets;
  }

  async #make({ main, apps }: Passwords, inForce: PasswordSecrets | undefined): Promise<PasswordSecrets> {
    const before = (name: string) => inForce?.appPasswords?.find((app) => app.name === name) ?? {};
    const wanted: Wanted[] = apps.map(({ name, password }) => ({ password, inForce: before(name) }));
    if (main !== undefined) {
      const { passwordHash: hash, scram } = inForce ?? {};
      wanted.unshift({
        password: main,
        inForce: { ...(hash === undefined ? {} : { hash }), ...(scram === undefined ? {} : { scram }) },
      });
    }
    const kept = await this.#keep(wanted);
    const [own, ...rest] = main === undefined ? [undefined, ...kept] : kept;
    const appPasswords = apps.map(({ name }, i): DeclaredAppPassword => ({ name, ...(rest[i] as Kept) }));
    return {
      ...(own === undefined ? {} : { passwordHash: own.hash }),
      ...(own?.scram === undefined ? {} : { scram: own.scram }),
      ...(appPasswords.length === 0 ? {} : { appPasswords }),
    };
  }

  /** The first that is still true gives the salt; where none is, there is a new one. */
  async #keep(wanted: readonly Wanted[]): Promise<Kept[]> {
    const plain = wanted.filter(({ password }) => !isHash(password));
    const hashes = await sameSalt<Salted<Cost>>(
      plain.map(({ password, inForce }) => ({ password, inForce: inForce.hash })),
      { ...this.#cost, salt: randomBytes(saltOctets) },
      parsePhc,
      (password, salted) => hashPassword(password, salted, salted.salt),
    );
    const verifiers = await sameSalt<Salted<{ readonly iterations: number }>>(
      plain.map(({ password, inForce }) => ({ password, inForce: inForce.scram })),
      { iterations: this.#cost.iterations, salt: randomBytes(saltOctets) },
      parseScramVerifier,
      async (password, { iterations, salt }) =>
        formatScramVerifier(await deriveVerifier(password, iterations, salt)),
    );
    return wanted.map((want) => {
      const at = plain.indexOf(want);
      const [hash, scram] = [hashes[at], verifiers[at]];
      return hash === undefined || scram === undefined ? hashAndVerifier(want.password) : { hash, scram };
    });
  }
}

type Salted<T> = T & { readonly salt: Buffer };

const saltOctets = 16;

/** Derives from each password with one salt: that of the first in force that still is what its password gives. */
async function sameSalt<Salt extends { readonly salt: Buffer }>(
  wanted: readonly { readonly password: string; readonly inForce: string | undefined }[],
  fresh: Salt,
  saltOf: (text: string) => Salt | undefined,
  derive: (password: string, salt: Salt) => Promise<string>,
): Promise<readonly string[]> {
  let salt = fresh;
  const done = new Map<string, string>();
  for (const { password, inForce } of wanted) {
    const before = inForce === undefined ? undefined : saltOf(inForce);
    if (before === undefined || inForce === undefined) continue;
    if ((await derive(password, before)) !== inForce) continue;
    salt = before;
    done.set(password, inForce);
    break;
  }
  const derived: string[] = [];
  for (const { password } of wanted) derived.push(done.get(password) ?? (await derive(password, salt)));
  return derived;
}
