import { openDataDirectory } from '@sealtrail/data-directory';
import type { Command } from 'commander';
import type { CommandContext } from '../cli/context.ts';
import { wholeNumber } from '../cli/options.ts';
import { resultTable } from '../cli/result-table.ts';

export function registerSql(program: Command, context: CommandContext): void {
  program
    .command('sql')
    .description('ask the store a question in ClickHouse SQL; it can only read')
    .argument('<query>', 'one SELECT, such as "SELECT action, count() FROM audit_events GROUP BY action"')
    .option('--data <dir>', 'data directory', 'data')
    .option('--rows-max <n>', 'most rows to return', wholeNumber, 10_000)
    .option('--json', 'end with one JSON object')
    .action(async (query: string, options: { data: string; rowsMax: number; json?: true }) => {
      const console = context.console({ json: options.json === true });
      const directory = await openDataDirectory({ dir: options.data });
      const result = await context.withOperations(directory, (operations) => operations.sql({ sql: query, rows_max: options.rowsMax }));
      console.say(resultTable(result, console.columns));
      console.result({ rows: result.rows, columns: result.columns });
    });
}
