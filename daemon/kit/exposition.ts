/**
 * Figures as those who read them want them: OpenMetrics for who asks for it, else Prometheus' own text.
 *
 * The client library writes OpenMetrics too, but renames a counter for good when it does: whoever came next for the other
 * format would find it under another name. So its text is turned into OpenMetrics here: counters' families are named without
 * `_total`, no line is empty, and `# EOF` tells a whole answer from one that was cut short.
 *
 * Spec: OpenMetrics 1.0; RFC 9110 §12.5.1 for what is preferred.
 */
/** Of prom-client. */
export interface Registry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

const openMetrics = "application/openmetrics-text";
const openMetricsType = `${openMetrics}; version=1.0.0; charset=utf-8`;

export async function exposition(
  registry: Registry,
  accept: string,
): Promise<{ readonly type: string; readonly text: string }> {
  const text = await registry.metrics();
  if (!prefersOpenMetrics(accept)) return { type: registry.contentType, text };
  return { type: openMetricsType, text: openMetricsOf(text) };
}

export function prefersOpenMetrics(accept: string): boolean {
  const wish = (type: string) => {
    const found = accept
      .toLowerCase()
      .split(",")
      .filter((range) => range.split(";")[0]?.trim() === type)
      .map((range) => Number(/; *q=([\d.]+)/.exec(range)?.[1] ?? 1));
    return Math.max(0, ...found);
  };
  const wished = wish(openMetrics);
  return wished > 0 && wished >= wish("text/plain");
}

function openMetricsOf(text: string): string {
  const counters = new Set(Array.from(text.matchAll(/^# TYPE (\S+)_total counter$/gm), ([, name]) => name));
  const lines = text.split("\n").filter((line) => line !== "");
  const family = (line: string) =>
    line.replace(/^(# (?:HELP|TYPE) )(\S+)_total /, (all, head: string, name: string) =>
      counters.has(name) ? `${head}${name} ` : all,
    );
  // In a help text a quotation mark stands for itself in one format, and is escaped in the other.
  const quoted = (line: string) =>
    line.startsWith("# HELP ") ? line.replace(/\\.|"/g, (found) => (found === '"' ? '\\"' : found)) : line;
  return `${lines.map((line) => quoted(family(line))).join("\n")}\n# EOF\n`;
}
