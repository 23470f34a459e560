import { DetectionError, type DetectionErrorCode } from '../errors.ts';
import type { RulePlace } from '../model.ts';
import type { YamlDocument, YamlPath } from './yaml.ts';

/** Collects why a document is refused. */
export interface Refusals {
  readonly errors: readonly DetectionError[];
  readonly at: (code: DetectionErrorCode, path: YamlPath, reason: string, cause?: unknown) => void;
  readonly placeOf: (path: YamlPath) => RulePlace;
}

/** Refusals of one document; `rule` is its id, or null where it has none. */
export function refusalsOf(document: YamlDocument, rule: string | null): Refusals {
  const errors: DetectionError[] = [];
  const placeOf = (path: YamlPath): RulePlace => ({ file: document.file, line: document.lineOf(path) });
  return {
    errors,
    placeOf,
    at: (code, path, reason, cause) => {
      errors.push(new DetectionError(code, placeOf(path), rule, reason, cause === undefined ? undefined : { cause }));
    },
  };
}
