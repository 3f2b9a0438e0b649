/**
 * What works with which program of others: each row a test, all rows a table at the end.
 *
 * Use:    `const matrix = new Matrix(); matrix.row("DKIM, RSA", "OpenDKIM", needs("opendkim"), async () => "pass");`
 * Out:    the table on standard output; a row that was skipped says why.
 */
import { after, test } from "node:test";

export class Matrix {
  readonly #rows: (readonly [feature: string, peer: string, result: string])[] = [];

  constructor() {
    after(() => process.stdout.write(`${this.table()}\n`));
  }

  /** `prove` gives the result in a few words, or fails. */
  row(
    feature: string,
    peer: string,
    { skip }: { readonly skip: string | false },
    prove: () => Promise<string>,
  ): void {
    if (skip !== false) this.#rows.push([feature, peer, `skipped: ${skip}`]);
    test(`${feature} × ${peer}`, { skip }, async () => {
      try {
        this.#rows.push([feature, peer, await prove()]);
      } catch (error) {
        this.#rows.push([feature, peer, "FAILED"]);
        throw error;
      }
    });
  }

  table(): string {
    const rows = [["feature", "peer", "result"] as const, ...this.#rows];
    const wide = [0, 1].map((i) => Math.max(...rows.map((row) => [...(row[i] ?? "")].length)));
    const line = (row: readonly string[]) =>
      row.map((cell, i) => cell.padEnd((wide[i] ?? 0) + cell.length - [...cell].length)).join(" │ ");
    return rows.map(line).join("\n");
  }
}
