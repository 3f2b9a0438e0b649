/**
 * Compares quantities as Kubernetes does: `1000m` is `1`, `0.5Gi` is `512Mi`, `1e3` is `1k`.
 *
 * Out:    the amount in billionths, exact; `undefined` for what is no quantity.
 * Spec:   k8s.io/apimachinery resource.Quantity: decimal and binary suffixes, exponents, nothing below a billionth.
 */
const shape = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,2}))?$/;
const powersOfTen: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binary = "KMGTPE";
const billionths = 9;

export function parseQuantity(text: string): bigint | undefined {
  const match = shape.exec(text);
  if (!match) return undefined;
  const [, sign = "", whole = "", fraction = "", two = "", ten = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  const digits =
    BigInt(whole + fraction) * (two === "" ? 1n : 1024n ** BigInt(binary.indexOf(two[0] ?? "") + 1));
  const power = billionths - fraction.length + (powersOfTen[ten] ?? Number(exponent));
  const scaled = power >= 0 ? digits * 10n ** BigInt(power) : roundUp(digits, 10n ** BigInt(-power));
  return sign === "-" ? -scaled : scaled;
}

const roundUp = (value: bigint, unit: bigint): bigint => (value + unit - 1n) / unit;
