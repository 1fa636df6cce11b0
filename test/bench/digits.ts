/** Three digits are what the spread of a measurement leaves. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '?';
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}
