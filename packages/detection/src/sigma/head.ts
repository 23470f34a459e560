import type { Level, LogSource, RuleHead, Sha256 } from '../model.ts';
import { versionOf } from './canonical-json.ts';
import type { Refusals } from './refusals.ts';
import { isYamlList, isYamlMap, type YamlMap, type YamlValue, yamlField } from './yaml.ts';

export const TITLE_CHARACTERS_MAX = 256;
export const ID_CHARACTERS_MAX = 256;
const DESCRIPTION_CHARACTERS_MAX = 65_535;

const LEVELS: readonly Level[] = ['informational', 'low', 'medium', 'high', 'critical'];
const STATUSES: readonly string[] = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'];
/** For a rule that does not say. */
const LEVEL_DEFAULT: Level = 'medium';

/** The document's id; null where it has none that can be used. */
export function idOf(map: YamlMap): string | null {
  const id = yamlField(map, 'id');
  return typeof id === 'string' && id.trim() !== '' && id.length <= ID_CHARACTERS_MAX ? id.trim() : null;
}

/** What rules and correlations have in common. What is wrong goes to `refusals`; the head is then not to be used. */
export function readHead(map: YamlMap, refusals: Refusals, sha256: Sha256, taxonomies: readonly string[]): RuleHead {
  const id = idOf(map);
  if (id === null) refusals.at('id_missing', ['id'], `the document has no id: give it a UUID`);
  const level = optionalText(map, 'level', refusals) ?? LEVEL_DEFAULT;
  if (!isLevel(level)) refusals.at('field_invalid', ['level'], `level "${level}" is not one of ${LEVELS.join(', ')}`);
  const status = optionalText(map, 'status', refusals);
  if (status === 'unsupported') refusals.at('field_invalid', ['status'], 'its author calls the rule unsupported');
  else if (status !== null && !STATUSES.includes(status))
    refusals.at('field_invalid', ['status'], `status "${status}" is not one of ${STATUSES.join(', ')}`);
  checkTaxonomy(map, refusals, taxonomies);
  const description = optionalText(map, 'description', refusals);
  if (description !== null && description.length > DESCRIPTION_CHARACTERS_MAX)
    refusals.at('field_invalid', ['description'], `description has more than ${DESCRIPTION_CHARACTERS_MAX} characters`);
  return {
    place: refusals.placeOf([]),
    id: id ?? '',
    name: optionalText(map, 'name', refusals),
    title: readTitle(map, refusals),
    description,
    level: isLevel(level) ? level : LEVEL_DEFAULT,
    tags: textList(map, 'tags', refusals),
    false_positives: textList(map, 'falsepositives', refusals),
    version: versionOf(map, sha256),
  };
}

const isLevel = (text: string): text is Level => (LEVELS as readonly string[]).includes(text);

/** The title, which every kind of document has. */
export function readTitle(map: YamlMap, refusals: Refusals): string {
  const title = yamlField(map, 'title');
  if (title === undefined || title === null) refusals.at('field_missing', [], 'the document has no title');
  else if (typeof title !== 'string' || title.trim() === '' || title.length > TITLE_CHARACTERS_MAX)
    refusals.at('field_invalid', ['title'], `title must be a text of 1 to ${TITLE_CHARACTERS_MAX} characters`);
  return typeof title === 'string' ? title : '';
}

/** Sigma 2.1, "Taxonomy": a custom one must be handled or refused. */
export function checkTaxonomy(map: YamlMap, refusals: Refusals, taxonomies: readonly string[]): void {
  const taxonomy = optionalText(map, 'taxonomy', refusals);
  if (taxonomy !== null && !taxonomies.includes(taxonomy))
    refusals.at(
      'field_invalid',
      ['taxonomy'],
      `taxonomy "${taxonomy}" is not known here: load with it among the taxonomies, and a pipeline for its fields`,
    );
}

const SOURCE_KEYS = ['category', 'product', 'service'] as const;

/** The log source: at least one of category, product and service; whatever else it says is for readers. */
export function readLogSource(map: YamlMap, refusals: Refusals): LogSource {
  const nothing = { category: null, product: null, service: null };
  const source = yamlField(map, 'logsource');
  if (source === undefined || source === null) {
    refusals.at('field_missing', [], 'the document has no logsource');
    return nothing;
  }
  if (!isYamlMap(source)) {
    refusals.at('field_invalid', ['logsource'], 'logsource must be a map of category, product and service');
    return nothing;
  }
  const before = refusals.errors.length;
  const [category, product, service] = SOURCE_KEYS.map((key) => {
    const value = yamlField(source, key);
    if (value === undefined || value === null) return null;
    if (typeof value === 'string' && value.trim() !== '') return value.trim().toLowerCase();
    refusals.at('field_invalid', ['logsource', key], `${key} must be a text`);
    return null;
  }) as [string | null, string | null, string | null];
  if (category === null && product === null && service === null && refusals.errors.length === before)
    refusals.at('field_invalid', ['logsource'], 'logsource names neither category nor product nor service');
  return { category, product, service };
}

function optionalText(map: YamlMap, key: string, refusals: Refusals): string | null {
  const value = yamlField(map, key);
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  refusals.at('field_invalid', [key], `${key} must be a text`);
  return null;
}

/** A list of texts, or one text for a list of one. */
function textList(map: YamlMap, key: string, refusals: Refusals): readonly string[] {
  const value = yamlField(map, key);
  if (value === undefined || value === null) return [];
  const items: readonly YamlValue[] = isYamlList(value) ? value : [value];
  const texts = items.filter((item): item is string => typeof item === 'string');
  if (texts.length < items.length) refusals.at('field_invalid', [key], `${key} must be a list of texts`);
  return texts;
}
