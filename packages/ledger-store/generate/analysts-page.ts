/** The parts of docs/analysts.md that follow from the schemas. */
import { auditEventsColumns, columnType, tableDefinitions, type VerifyView, verifyProblems } from '../src/sql/index.ts';

/** Puts what is generated between its markers, and leaves the rest as it stands. Throws when a marker is not there. */
export function withGeneratedSections(page: string): string {
  let text = page;
  for (const [name, section] of Object.entries(sections())) {
    const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/analysts.md lacks the markers ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n${section}\n${text.slice(to)}`;
  }
  return text;
}

const sections = (): Readonly<Record<string, string>> => ({
  'audit_events columns': tableOf(
    ['column', 'type', 'what'],
    auditEventsColumns().map(({ name, type, doc }) => [code(name), code(type), doc]),
  ),
  tables: tableDefinitions()
    .map(({ name, doc, columns, order_by }) => {
      const rows = columns.map((column) => [code(column.name), code(column.stored_as ?? columnType(column.type, column.name)), column.doc]);
      return `### ${name}\n\n${doc} Ordered by ${order_by.map(code).join(', ')}.\n\n${tableOf(['column', 'type', 'what'], rows)}`;
    })
    .join('\n\n'),
  problems: (['verify_entries', 'verify_batches', 'verify_chain'] as const satisfies readonly VerifyView[])
    .map((view) => {
      const rows = verifyProblems()
        .filter((problem) => problem.view === view)
        .map(({ problem, doc }) => [code(problem), doc]);
      return `\`${view}\`\n\n${tableOf(['problem', 'what it means'], rows)}`;
    })
    .join('\n\n'),
});

/** Types quote the names in them, which Markdown would take for the end. */
const code = (text: string): string => `\`${text.replaceAll('`', '')}\``;

const tableOf = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
