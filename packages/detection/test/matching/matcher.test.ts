import { createMatcher, type DetectionEvent, type LogSource } from '@sealtrail/detection';
import { describe, expect, it } from 'vitest';
import { eventOf, load, ruleText } from '../conformance/case.ts';

const source = (category: string | null, product: string | null = null, service: string | null = null): LogSource => ({
  category,
  product,
  service,
});

/** The event, and the names of the fields that were asked for. */
function watched(record: unknown, logsource: LogSource): { readonly event: DetectionEvent; readonly asked: string[] } {
  const asked: string[] = [];
  const event = eventOf(record);
  return {
    asked,
    event: {
      ...event,
      logsource,
      field: (name) => {
        asked.push(name);
        return event.field(name);
      },
      values: () => {
        asked.push('*');
        return event.values();
      },
    },
  };
}

describe('routing by log source', () => {
  const text = [
    ['p', 'product: aws'],
    ['ps', 'product: aws\n  service: cloudtrail'],
    ['c', 'category: web'],
    ['cp', 'category: web\n  product: aws'],
    ['upper', 'product: AWS\n  service: CloudTrail'],
  ]
    .map(([id, lines]) => ruleText('sel: {f: 1}', id).replace('category: test', lines as string))
    .join('---\n');
  const { rules, errors } = load(text);
  const matcher = createMatcher(rules);
  const routed = (logsource: LogSource): readonly string[] =>
    matcher.matches({ ...eventOf({ f: 1 }), logsource }).map(({ rule }) => rule.id);

  it('asks a rule of the events that have all parts of its log source', () => {
    expect(errors).toEqual([]);
    expect(routed(source(null, 'aws'))).toEqual(['p']);
    expect(routed(source(null, 'aws', 'cloudtrail'))).toEqual(['p', 'ps', 'upper']);
    expect(routed(source(null, 'AWS', 'CLOUDTRAIL'))).toEqual(['p', 'ps', 'upper']);
    expect(routed(source('web', 'aws', 'other'))).toEqual(['p', 'c', 'cp']);
    expect(routed(source('web', 'gcp'))).toEqual(['c']);
    expect(routed(source(null))).toEqual([]);
    expect(routed(source('x', 'y', 'z'))).toEqual([]);
  });

  it('asks for no field of an event that no rule is for', () => {
    const { event, asked } = watched({ f: 1 }, source('other'));
    expect(matcher.matches(event)).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('the index', () => {
  const rules = [
    ruleText('sel: {name: Delete, source: s3, ip|cidr: 10.0.0.0/8}', 'a'),
    ruleText('sel: {name: [Create, Put], source: s3, agent|contains: evil}', 'b'),
    ruleText('sel: {name: List}\nno: {user: null}\ncondition: sel and not no', 'c'),
    ruleText('sel: {name: Get, source: iam}\nalt: {name: Head}\ncondition: 1 of them', 'd'),
  ].join('---\n');
  const matcher = createMatcher(load(rules).rules);
  const asked = (record: unknown): readonly string[] => {
    const { event, asked: names } = watched(record, source('test'));
    matcher.matches(event);
    return names.toSorted();
  };

  it('asks for no more fields than it looks rules up by, when none can match', () => {
    expect(asked({ name: 'Other', source: 's4', agent: 'x', user: 'u' })).toEqual(['name']);
  });

  it('asks for each field once, and for those alone that the rules left over read', () => {
    expect(asked({ name: 'delete', source: 's3' })).toEqual(['ip', 'name', 'source']);
    expect(asked({ name: 'delete', source: 's4' })).toEqual(['name', 'source']);
    expect(asked({ name: 'put', source: 's3' })).toEqual(['agent', 'name', 'source']);
    expect(asked({ name: 'list' })).toEqual(['name', 'user']);
  });

  it('evaluates what several rules share once for each event', () => {
    // Each rule has the same line that reads a field of the event through a value that counts its reading.
    const shared = "sel:\n  name: x\n  f|re: '^b+$'";
    const many = createMatcher(load(Array.from({ length: 50 }, (_, i) => ruleText(shared, `r${i}`)).join('---\n')).rules);
    let reads = 0;
    const event: DetectionEvent = {
      ...eventOf({}),
      field: (name) => {
        if (name === 'f') reads++;
        return name === 'name' ? 'x' : 'bbb';
      },
    };
    expect(many.matches(event)).toHaveLength(50);
    expect(reads).toBe(1);
  });

  it('gives matches in the order of the rules, each once', () => {
    const text = [
      ruleText('sel: {f|contains: [aa, ab]}', 'z'),
      ruleText('sel: {g: 1}', 'y'),
      ruleText('sel: [word]', 'x'),
      ruleText('sel: {f|neq: b}', 'w'),
    ].join('---\n');
    const all = createMatcher(load(text).rules);
    expect(all.matches(eventOf({ f: 'aab aa ab', g: 1, h: 'a word' })).map(({ rule }) => rule.id)).toEqual(['z', 'y', 'x', 'w']);
  });

  it('asks for all values only where a rule has keywords', () => {
    const { event, asked: names } = watched({ a: 'x' }, source('test'));
    createMatcher(load(ruleText('sel: [word]')).rules).matches(event);
    expect(names).toEqual(['*']);
  });
});

describe('a rule that cannot be compiled', () => {
  it('is left out, with place and reason', () => {
    const { rules } = load(`${ruleText("sel:\n  g: 1\n  f|expand: '%who%'", 'a')}---\n${ruleText('sel: {f: 1}', 'b')}`);
    const matcher = createMatcher(rules, { placeholders: new Map([['other', ['x']]]) });
    expect(matcher.rules.map(({ id }) => id)).toEqual(['b']);
    expect(matcher.errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'placeholder_missing rule.yml:8: a: the placeholder %who% has no values: give it some',
    ]);
    const [error] = createMatcher(rules, { placeholders: new Map([['who', []]]) }).errors;
    expect(error?.code).toBe('placeholder_missing');
  });

  it('is one whose placeholders make it something that is refused', () => {
    const { rules } = load(ruleText("sel:\n  f|expand|cidr: '%nets%'"));
    expect(createMatcher(rules, { placeholders: new Map([['nets', ['10.0.0.0/8', 'intranet']]]) }).errors.map(({ code }) => code)).toEqual([
      'field_invalid',
    ]);
  });
});
