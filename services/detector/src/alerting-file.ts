import { readFileSync } from 'node:fs';
import {
  AlertingError,
  alertmanagerNotifier,
  type HttpAccess,
  type HygieneOptions,
  type Notifier,
  pagerdutyNotifier,
  slackNotifier,
  webhookNotifier,
} from '@sealtrail/alerting';
import { startTimer } from '@sealtrail/service-runtime';
import { parse } from 'yaml';
import { z } from 'zod';

/** Who is told of alerts, as a file says it. docs/operations/detector.md has an example. */
export interface Alerting {
  readonly notifiers: readonly Notifier[];
  readonly hygiene: Pick<HygieneOptions, 'routes' | 'inhibitions' | 'risk'>;
}

/** Nobody is told; alerts are stored and appended to their topic all the same. */
export const NO_ALERTING: Alerting = { notifiers: [], hygiene: { routes: [] } };

const seconds = z.number().min(0).max(31_536_000);
const matchers = z.array(z.strictObject({ label: z.string(), values: z.array(z.string()).min(1), not: z.boolean().optional() }));
const common = {
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'is not 1 to 64 of A–Z a–z 0–9 _ . -'),
  match: matchers.default([]),
  shown_fields: z.array(z.string()).optional(),
  plain_http: z.boolean().optional(),
  group_by: z.array(z.string()).optional(),
  group_wait_s: seconds.default(0),
  group_interval_s: seconds.optional(),
  repeat_interval_s: seconds.optional(),
};
/** Addresses and keys are secrets to some receivers: each can stand in a file of its own. */
const address = { url: z.string().optional(), url_file: z.string().optional() };
const FILE = z.strictObject({
  notifiers: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({
          type: z.literal('webhook'),
          ...common,
          ...address,
          secret_files: z.array(z.string()).default([]),
          format: z.enum(['sealtrail', 'cloudevents', 'ocsf']).default('sealtrail'),
        }),
        z.strictObject({ type: z.literal('slack'), ...common, ...address }),
        z.strictObject({ type: z.literal('alertmanager'), ...common, ...address, authorization_file: z.string().optional() }),
        z.strictObject({ type: z.literal('pagerduty'), ...common, ...address, routing_key_file: z.string() }),
      ]),
    )
    .default([]),
  inhibitions: z
    .array(z.strictObject({ name: z.string(), source: matchers, target: matchers, equal: z.array(z.string()).default([]), for_s: seconds }))
    .default([]),
  notify_from_risk: z.number().min(0).optional(),
});
type NotifierEntry = z.output<typeof FILE>['notifiers'][number];

export interface AlertingFileOptions {
  readonly access: HttpAccess;
  /** Names this deployment in what is sent: a URI. */
  readonly source: string;
  readonly readFile: (path: string) => string;
}

/**
 * Who is told, as the file at `path` says it, by way of this process's `fetch`; the deployment is named by its audience. Throws
 * AlertingError `settings_invalid`.
 */
export function alertingFrom(path: string, audience: string, clock_ms: () => number): Alerting {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AlertingError('settings_invalid', `cannot read ${path} (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
  return readAlerting(path, text, {
    access: { fetch, clock_ms, timers: { after: startTimer } },
    source: `urn:sealtrail:${audience}`,
    readFile: (secret) => readFileSync(secret, 'utf8'),
  });
}

/** Reads who is told of what. Throws AlertingError `settings_invalid`; its message shows no address and no key. */
export function readAlerting(name: string, text: string, { access, source, readFile }: AlertingFileOptions): Alerting {
  const wrong = (what: string): AlertingError => new AlertingError('settings_invalid', `${name}: ${what}`);
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch {
    throw wrong('it is no YAML'); // the parser's message quotes the text
  }
  const parsed = FILE.safeParse(value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw wrong(`${issue?.path.join('.') ?? ''}: ${(issue?.message ?? 'it is wrong').replace(/\s+/g, ' ')}`);
  }
  const secret = (where: string, path: string): string => {
    try {
      return readFile(path).replace(/\r?\n$/, '');
    } catch (error) {
      throw wrong(`${where} names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
    }
  };
  const urlOf = (entry: NotifierEntry): string | null => {
    if (entry.url !== undefined && entry.url_file !== undefined) throw wrong(`notifier ${entry.name}: give url or url_file, not both`);
    return entry.url ?? (entry.url_file === undefined ? null : secret(`notifier ${entry.name}: url_file`, entry.url_file));
  };
  const notifier = (entry: NotifierEntry): Notifier => {
    const url = urlOf(entry);
    const shared = {
      name: entry.name,
      source,
      ...(entry.shown_fields === undefined ? {} : { disclosure: { shown_fields: entry.shown_fields } }),
      ...(entry.plain_http === undefined ? {} : { plain_http: entry.plain_http }),
    };
    if (entry.type === 'pagerduty') {
      const routing_key = secret(`notifier ${entry.name}: routing_key_file`, entry.routing_key_file);
      return pagerdutyNotifier(access, { ...shared, routing_key, ...(url === null ? {} : { url }) });
    }
    if (url === null) throw wrong(`notifier ${entry.name}: it has neither url nor url_file`);
    switch (entry.type) {
      case 'webhook': {
        const secrets = entry.secret_files.map((path) => secret(`notifier ${entry.name}: secret_files`, path));
        return webhookNotifier(access, { ...shared, url, secrets, format: entry.format });
      }
      case 'slack':
        return slackNotifier(access, { ...shared, url });
      case 'alertmanager': {
        const file = entry.authorization_file;
        const authorization = file === undefined ? {} : { authorization: secret(`notifier ${entry.name}: authorization_file`, file) };
        return alertmanagerNotifier(access, { ...shared, url, ...authorization });
      }
    }
  };
  const { notifiers, inhibitions, notify_from_risk } = parsed.data;
  return {
    notifiers: notifiers.map(notifier),
    hygiene: {
      routes: notifiers.map(({ name: to, match, group_by, group_wait_s, group_interval_s, repeat_interval_s }) => ({
        notifier: to,
        matchers: plain(match),
        grouping: {
          group_wait_ms: group_wait_s * 1000,
          ...(group_by === undefined ? {} : { by: group_by }),
          ...(group_interval_s === undefined ? {} : { group_interval_ms: group_interval_s * 1000 }),
          ...(repeat_interval_s === undefined ? {} : { repeat_interval_ms: repeat_interval_s * 1000 }),
        },
      })),
      inhibitions: inhibitions.map(({ source: from, target, for_s, ...rest }) => ({
        ...rest,
        source: plain(from),
        target: plain(target),
        for_ms: for_s * 1000,
      })),
      ...(notify_from_risk === undefined ? {} : { risk: { notify_from: notify_from_risk } }),
    },
  };
}

const plain = (of: z.output<typeof matchers>) => of.map(({ not, ...rest }) => (not === undefined ? rest : { ...rest, not }));
