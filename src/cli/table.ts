/** Text in columns as Go's tabwriter sets it for runc: cells at least 12 wide, 3 spaces between. */

const MIN_WIDTH = 12;
const PADDING = 3;

/** Lines of cells, the last cell of each unpadded; every line ends with a newline. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? MIN_WIDTH, [...cell].length + PADDING);
    });
  }
  const formatRow = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === row.length - 1
          ? cell
          : cell + ' '.repeat((widths[column] ?? 0) - [...cell].length),
      )
      .join('');
  return rows.map((row) => `${formatRow(row)}\n`).join('');
}
