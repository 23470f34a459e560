/** Types of columns, in the schemas' terms: what of a compiled schema tables and rows need. Every `Plan` is one. */
import type { Plan } from '@sealtrail/wire';

export interface ValueType {
  readonly op: Plan['op'];
  readonly name: string;
  /** Bytes of a fixed. */
  readonly size: number;
  readonly logical: Plan['logical'];
  readonly symbols: readonly string[];
  readonly inner: readonly ValueType[];
}

const type = (op: Plan['op'], rest: Partial<ValueType> = {}): ValueType => ({
  op,
  name: '',
  size: 0,
  logical: null,
  symbols: [],
  inner: [],
  ...rest,
});

/** Of columns that no schema describes. */
export const valueTypes: {
  readonly text: ValueType;
  readonly bytes: ValueType;
  readonly int: ValueType;
  readonly long: ValueType;
  readonly millis: ValueType;
  readonly fixed: (size: number) => ValueType;
  readonly optional: (inner: ValueType) => ValueType;
  readonly list: (item: ValueType) => ValueType;
  readonly record: (fields: readonly ValueType[]) => ValueType;
} = {
  text: type('string'),
  bytes: type('bytes'),
  int: type('int'),
  long: type('long'),
  millis: type('long', { logical: 'timestamp-millis' }),
  fixed: (size) => type('fixed', { size }),
  optional: (inner) => type('optional', { inner: [inner] }),
  list: (item) => type('array', { inner: [item] }),
  record: (fields) => type('record', { inner: fields }),
};
