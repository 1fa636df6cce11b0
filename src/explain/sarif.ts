/** Findings as SARIF 2.1.0, which code scanners and editors read. */
import { VERSION } from '../cli/version.ts';
import { formatJson } from '../spec/formatJson.ts';
import { type Finding, KINDS } from './finding.ts';
import { formatMessage, widthAt } from './findingText.ts';

/** One run with one result a finding; ends with a newline. */
export function formatSarif(file: string, text: string, findings: readonly Finding[]): string {
  const lines = text.split('\n');
  const rules = Object.entries(KINDS).map(([id, when]) => ({
    id,
    shortDescription: { text: when },
  }));
  const driver = { name: 'tsrun', version: VERSION, rules };
  const results = findings.map((finding) => ({
    ruleId: finding.kind,
    level: finding.severity,
    message: { text: formatMessage(finding) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file },
          region: regionOf(finding, lines),
        },
        logicalLocations: [{ fullyQualifiedName: finding.path }],
      },
    ],
  }));
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, columnKind: 'utf16CodeUnits', results }],
  };
  return `${formatJson(document, '  ')}\n`;
}

function regionOf({ position }: Finding, lines: readonly string[]) {
  if (position === undefined) return undefined;
  const { line, column } = position;
  const width = widthAt(lines[line - 1] ?? '', column);
  return { startLine: line, startColumn: column, endColumn: column + width };
}
