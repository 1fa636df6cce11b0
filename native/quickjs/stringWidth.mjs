/**
 * The columns a text takes on a terminal, for the help alone, which is ASCII. Stands in for the package
 * string-width, whose Intl.Segmenter and `v` expressions QuickJS does not have.
 */
export default function stringWidth(text) {
  return [...text].length;
}
