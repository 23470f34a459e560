/** An Avro object container of rows (a: long, b: bytes), written here so that the tests trust nobody's writer. */
function long(value: number): Buffer {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  const bytes: number[] = [];
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
const text = (value: string | Uint8Array): Buffer => Buffer.concat([long(Buffer.from(value).length), Buffer.from(value)]);

export const SYNC = '0123456789abcdef';

export function avroContainer(blocks: readonly (readonly (readonly [number, string | Uint8Array])[])[]): Buffer {
  const fields = [
    { name: 'a', type: 'long' },
    { name: 'b', type: 'bytes' },
  ];
  const head = [Buffer.from('Obj\x01'), long(2), text('avro.schema'), text(JSON.stringify({ type: 'record', name: 'row', fields }))];
  const bodies = blocks.map((rows) => {
    const body = Buffer.concat(rows.flatMap(([a, b]) => [long(a), text(b)]));
    return Buffer.concat([long(rows.length), long(body.length), body, Buffer.from(SYNC)]);
  });
  return Buffer.concat([...head, text('avro.codec'), text('null'), long(0), Buffer.from(SYNC), ...bodies]);
}
