/**
 * Reads the numbers that people write: durations (`5m`, `4h`, `5d`) and Kubernetes quantities (`25Mi`, `1G`, `1500`).
 *
 * In:     the value of a field of a resource.
 * Out:    milliseconds, or octets (a fraction is rounded up, as Kubernetes does).
 * Fails:  `undefined` for what does not fit, or exceeds what a double counts exactly.
 * Spec:   k8s.io/apimachinery resource.Quantity, without its signs, exponents and units below one.
 */
const durationShape = /^(0|[1-9][0-9]{0,5})([smhd])$/;
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5m` is 300000. One whole number, one unit: that is what the rules in the CRDs can compare. */
export function parseDuration(text: string): number | undefined {
  const match = durationShape.exec(text);
  const unit = units[match?.[2] ?? ""];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

const quantityShape = /^([1-9][0-9]{0,14})(?:\.([0-9]{1,9}))?(?:([KMGTP])i|([kMGTP]))?$/;
const binary = "KMGTP";
const decimal = "kMGTP";

/** `25Mi` is 26214400, `1G` is 1000000000, `1500` is 1500. */
export function parseQuantity(value: string | number): number | undefined {
  const match = quantityShape.exec(String(value));
  if (!match) return undefined;
  const [, whole = "", fraction = "", twos = "", tens = ""] = match;
  const scale = twos !== "" ? 1024n ** power(binary, twos) : tens !== "" ? 1000n ** power(decimal, tens) : 1n;
  const parts = 10n ** BigInt(fraction.length);
  const octets = (BigInt(whole + fraction) * scale + parts - 1n) / parts;
  return octets <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(octets) : undefined;
}

const power = (letters: string, letter: string): bigint => BigInt(letters.indexOf(letter) + 1);
