import { expect, it } from 'vitest';
import { newClusterId } from '../../scripts/kafka/broker.ts';

it('a broker’s cluster id never begins with a dash, whatever is drawn', () => {
  for (let byte = 0; byte < 256; byte++) {
    const id = newClusterId((bytes) => Buffer.alloc(bytes, byte));
    expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{21}$/);
  }
});
