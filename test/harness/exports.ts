/**
 * Who uses what a file exports.
 *
 * In:   the files, as `readSource` gives them: those that export, and whoever may use it.
 * Out:  each exported name with the files that import it, and whether its own file mentions it again.
 * Uses: patterns, as `source.ts` does. A namespace import uses every name, and so does `import(…)`.
 */
import { resolveImport, type SourceFile, withoutComments } from "./source.ts";

export interface Export {
  readonly path: string;
  readonly name: string;
  /** Types, and classes, which are types as well: another export may speak of them where nobody needs to name them. */
  readonly isType: boolean;
  readonly users: readonly string[];
  readonly mentionedAtHome: boolean;
}

const declaration =
  /^export (?:async )?(const|let|function\*?|(?:abstract )?class|interface|type) ([A-Za-z_$][\w$]*)/gm;
const list = /^(import|export)\s+(?:type\s+)?(?:\{([^}]*)\}|\*[^"';]*)\s+from\s+"(\.[^"\n]+)"/gm;
const call = /\bimport\(\s*"(\.[^"\n]+)"\s*\)/g;
const everything = "*";

export function exportsOf(files: readonly SourceFile[]): Export[] {
  const users = usersOf(files);
  return files.flatMap(({ path, text }) => {
    const code = withoutComments(text);
    return Array.from(code.matchAll(declaration), ([, kind = "", name = ""]) => ({
      path,
      name,
      isType: /^(interface|type|(abstract )?class)$/.test(kind),
      users: [...(users.get(`${path} ${name}`) ?? []), ...(users.get(`${path} ${everything}`) ?? [])],
      mentionedAtHome: code.split(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`)).length > 2,
    }));
  });
}

/** By `path name`: the files that import it. */
function usersOf(files: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  const use = (path: string, to: string, name: string) => {
    const key = `${resolveImport(path, to)} ${name}`;
    const known = users.get(key);
    if (known) known.push(path);
    else users.set(key, [path]);
  };
  for (const { path, text } of files) {
    const code = withoutComments(text);
    for (const [, , names = everything, to = ""] of code.matchAll(list))
      for (const name of names.split(",")) {
        const [first = ""] = name
          .replace(/^\s*type\s/, "")
          .trim()
          .split(/\s/);
        if (first !== "") use(path, to, first);
      }
    for (const [, to = ""] of code.matchAll(call)) use(path, to, everything);
  }
  return users;
}
