/** What a question may name, judged on the engine's own parse of it (EXPLAIN AST), so that no spelling gets round it. */
import { DATABASE } from './literals.ts';

/** A row of system.functions, as far as it matters. */
export interface EngineFunction {
  readonly name: string;
  readonly is_aggregate: boolean;
  readonly case_insensitive: boolean;
  /** The function that this is another name of; '' for none. */
  readonly alias_to: string;
  readonly category: string;
}

/** Whether a question may call a function. */
export type FunctionRule = (name: string) => boolean;

const setOf = (...names: readonly string[]): ReadonlySet<string> => new Set(names.flatMap((some) => some.split(',')));

/**
 * The engine's categories of functions that compute from their arguments alone. Left out: AI, Dictionary, Embedded
 * Dictionary, Introspection, Internal, Machine Learning, Time Series, and Other: they read files, settings, other tables or
 * the network, or keep state.
 */
const COMPUTING: ReadonlySet<string> = setOf(
  'Arithmetic,Arrays,Bit,Bitmap,Comparison,Conditional,Dates and Times,Distance,Encoding,Encryption,Financial,Geo',
  'Geo Polygon,Hash,IP Address,JSON,Logical,Map,Mathematical,Null,NumericIndexedVector,QBit,Random Number',
  'Rounding,String,String Replacement,String Search,String Splitting,Time Window,Tuple,Type Conversion,URL,UUID',
);

/** Of Other and Internal, those that compute. */
const COMPUTING_TOO: ReadonlySet<string> = setOf(
  'bar,byteSize,caseWithExpression,countDigits,currentDatabase,defaultValueOfArgumentType,defaultValueOfTypeName',
  'finalizeAggregation,formatReadableDecimalSize,formatReadableQuantity,formatReadableSize',
  'formatReadableTimeDelta,getSizeOfEnumType,identity,ignore,indexHint,isConstant,isDecimalOverflow',
  'lowCardinalityIndices,lowCardinalityKeys,MACNumToString,MACStringToNum,MACStringToOUI,materialize,neighbor',
  'parseReadableSize,parseReadableSizeOrNull,parseReadableSizeOrZero,parseTimeDelta,rowNumberInAllBlocks',
  'rowNumberInBlock,runningDifference,runningDifferenceStartingWithFirstValue,throwIf,toColumnTypeName,toTypeName',
  'transform,variantElement,variantType,version,visibleWidth,_CAST',
);

/** What the parser itself makes, and no list has. */
const BUILT_IN: ReadonlySet<string> = new Set(['lambda', 'exists']);

/** What may follow an aggregate function's name. */
const COMBINATORS = [
  'If',
  'Array',
  'Map',
  'Distinct',
  'OrNull',
  'OrDefault',
  'ForEach',
  'Resample',
  'ArgMin',
  'ArgMax',
  'State',
  'SimpleState',
  'Merge',
  'MergeState',
];

export function functionRule(functions: readonly EngineFunction[]): FunctionRule {
  const byName = new Map(functions.map((one) => [one.name, one]));
  const aggregates = new Set<string>();
  const exact = new Set<string>(BUILT_IN);
  const anyCase = new Set<string>();
  for (const one of functions) {
    const real = one.alias_to === '' ? one : (byName.get(one.alias_to) ?? one);
    if (!one.is_aggregate && !COMPUTING.has(real.category) && !COMPUTING_TOO.has(real.name) && !isOwn(one.name)) continue;
    exact.add(one.name);
    if (one.case_insensitive) anyCase.add(one.name.toLowerCase());
    if (one.is_aggregate) aggregates.add(one.name);
  }
  const isAggregate = (name: string): boolean =>
    aggregates.has(name) ||
    anyCase.has(name.toLowerCase()) ||
    COMBINATORS.some((suffix) => name.length > suffix.length && name.endsWith(suffix) && isAggregate(name.slice(0, -suffix.length)));
  return (name) => exact.has(name) || anyCase.has(name.toLowerCase()) || isAggregate(name);
}

/** Functions that the store defines: they compute Avro bytes. */
const isOwn = (name: string): boolean => name.startsWith('sealtrail_');

/** Table functions that make rows from nothing. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(['numbers', 'zeros', 'generateSeries', 'generate_series', 'values']);

/** Which database a question may read, and which there are beside it. */
export interface DatabaseNames {
  readonly own: string;
  readonly others: ReadonlySet<string>;
}

/** Databases of every engine that are not the ledger's: all that the embedded one has. */
export const EMBEDDED_NAMES: DatabaseNames = {
  own: DATABASE,
  others: new Set(['default', 'system', 'information_schema', 'INFORMATION_SCHEMA']),
};

/** Nodes that a SELECT may not contain: settings, and names of files and formats behind INTO OUTFILE. */
const REFUSED_NODES: ReadonlyMap<string, string> = new Map([
  ['Set', 'SETTINGS cannot be asked'],
  ['Explain', 'EXPLAIN cannot be asked'],
]);

/** Why a statement is refused, by its parse; null when it is not. */
export function refusalOf(ast: string, allowed: FunctionRule, names: DatabaseNames = EMBEDDED_NAMES): string | null {
  /** Kinds of the nodes above the line at hand, by depth. */
  const above: string[] = [];
  for (const line of ast.split('\n')) {
    const node = /^( *)(\S+)(?: (.*))?$/.exec(line);
    if (node === null) continue;
    const [, indent = '', kind = '', rest = ''] = node;
    above[indent.length] = kind;
    const parent = indent.length === 0 ? '' : (above[indent.length - 1] ?? '');
    const refusal = nodeRefusal(kind, nameOf(rest), parent, allowed, names);
    if (refusal !== null) return refusal;
  }
  return above[0] === 'SelectWithUnionQuery' ? null : 'only SELECT can be asked';
}

/** The name in "name (alias a) (children 2)". */
const nameOf = (rest: string): string => rest.replace(/ \(children \d+\)$/, '').replace(/ \(alias [\s\S]*\)$/, '');

function nodeRefusal(kind: string, name: string, parent: string, allowed: FunctionRule, names: DatabaseNames): string | null {
  const refused = REFUSED_NODES.get(kind);
  if (refused !== undefined) return refused;
  switch (kind) {
    case 'TableIdentifier': {
      const dot = name.indexOf('.');
      return dot < 0 || name.slice(0, dot) === names.own ? null : `only tables of ${names.own} can be read`;
    }
    case 'Identifier': {
      // Also of `x IN system.users`, which names a table.
      const dot = name.indexOf('.');
      return dot < 0 || !names.others.has(name.slice(0, dot)) ? null : `only tables of ${names.own} can be read`;
    }
    case 'Function':
      if (parent === 'TableExpression') return TABLE_FUNCTIONS.has(name) ? null : `table function ${shown(name)} cannot be asked`;
      return allowed(name) ? null : `function ${shown(name)} is not one that only computes`;
    default:
      return null;
  }
}

const shown = (name: string): string => (/^\w{1,60}$/.test(name) ? name : 'of that name');
