export { type Align, formatTable, type TableInput } from './table.ts';
