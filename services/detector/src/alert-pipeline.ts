import {
  type Admission,
  type Alert,
  type AlertFlow,
  type AlertStateStore,
  alertIdOf,
  createAlertFlow,
  createDispatcher,
  createHygiene,
  type DeliveryEvent,
  type Dispatcher,
  type Fate,
  type Hygiene,
  type HygieneOptions,
  type Notifier,
  type Timers,
} from '@sealtrail/alerting';
import type { EventLogProducer } from '@sealtrail/event-log';
import type { AlertFate, AlertRow, AlertStore } from '@sealtrail/ledger-store';
import type { Sha256 } from '@sealtrail/merkle';
import { alertCodec } from '@sealtrail/wire';
import { isCanaryAlert } from './canary.ts';
import type { AlertSink } from './ports.ts';

/** Where a deployment's alerts are appended, for other systems to read. */
export const ALERTS_TOPIC = 'audit.alerts';

export interface AlertPipelineOptions {
  readonly store: AlertStore;
  /** Appends alerts to their topic. */
  readonly producer: EventLogProducer;
  readonly topic: string;
  readonly notifiers: readonly Notifier[];
  readonly hygiene: Pick<HygieneOptions, 'routes' | 'risk' | 'inhibitions' | 'deduplication'>;
  /** Where what hygiene knows is kept. */
  readonly state: AlertStateStore;
  readonly sha256: Sha256;
  readonly clock_ms: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly timers: Timers;
  readonly events: AlertPipelineEvents;
}

/** For logs and metrics. Alerts of canaries are not told here: `CanaryEvents` are theirs. */
export interface AlertPipelineEvents {
  raised(alert: Alert, fate: Fate): void;
  delivery(event: DeliveryEvent): void;
  /** Messages or state could not be kept; it is tried again. */
  failed(cause: unknown): void;
}

export interface AlertPipeline extends AlertSink {
  readonly hygiene: Hygiene;
  readonly dispatcher: Dispatcher;
  /** After a silence or an acknowledgement: keeps it, and looks what is due. */
  changed(): Promise<void>;
  /** Sends nothing more; what is queued is taken up by the next start. */
  stop(): Promise<void>;
}

const FATES: Readonly<Record<Fate['kind'], AlertFate>> = {
  grouped: 'GROUPED',
  unrouted: 'UNROUTED',
  low_risk: 'LOW_RISK',
  inhibited: 'INHIBITED',
  silenced: 'SILENCED',
  duplicate: 'DUPLICATE',
};

/** A canary's alert is stored and appended like any, tells nobody, and leaves no trace in what hygiene knows. */
const CANARY: Admission = { fate: { kind: 'unrouted' }, risk: { entity: null, score: 0, accumulated: 0 } };
/** What marks its row. */
const CANARY_DETAIL = 'canary';

/**
 * What follows when detection has found something: hygiene decides, the alert is stored with its fate and appended to its
 * topic, and messages go out in their time. Resolves once the kept state has been read. Throws AlertingError, and what the
 * state's store throws.
 */
export async function createAlertPipeline(options: AlertPipelineOptions): Promise<AlertPipeline> {
  const { store, producer, topic, state, sha256, clock_ms, timers, events } = options;
  const kept = await state.load();
  const digest = (text: string): string => Buffer.from(sha256.digest(new TextEncoder().encode(text))).toString('hex');
  const hygiene = createHygiene({
    ...options.hygiene,
    new_id: options.newId,
    digest,
    ...(kept === null ? {} : { state: JSON.parse(kept) as NonNullable<HygieneOptions['state']> }),
  });
  const dispatcher = createDispatcher({
    notifiers: options.notifiers,
    store,
    clock_ms,
    random: options.random,
    timers,
    onEvent: events.delivery,
  });
  const flow: AlertFlow = createAlertFlow({ hygiene, dispatcher, state, clock_ms, timers, onFailure: events.failed });
  dispatcher.start();
  void flow.flush();

  /** Decided, and not yet stored: an alert that is raised again because that failed keeps its fate. */
  const decided = new Map<string, Admission>();
  const decide = (alerts: readonly Alert[]): readonly Admission[] =>
    alerts.map((alert) => {
      if (isCanaryAlert(alert)) return CANARY;
      const id = alertIdOf(alert);
      const admission = decided.get(id) ?? (flow.admit([alert])[0] as Admission);
      decided.set(id, admission);
      return admission;
    });

  return {
    hygiene,
    dispatcher,
    async raise(alerts) {
      const admissions = decide(alerts);
      const stored = await store.insertAlerts(alerts.map((alert, i) => rowOf(alert, admissions[i] as Admission)));
      if (stored.kind !== 'stored') throw stored.cause;
      // Duplicates too: what is kept of an alert may be older than its record in the topic, where a crash came between.
      if (alerts.length > 0) {
        const records = alerts.map((alert) => ({ topic, key: Buffer.from(alert.tenant), value: alertCodec().encodeFramed(alert) }));
        const appended = await producer.append(records);
        if (appended.kind !== 'appended') throw appended.cause;
      }
      if (alerts.every(isCanaryAlert)) return;
      await flow.keep();
      for (const [i, alert] of alerts.entries()) {
        if (isCanaryAlert(alert)) continue;
        events.raised(alert, (admissions[i] as Admission).fate);
        decided.delete(alertIdOf(alert));
      }
      // What is due at once does not wait for a timer.
      void flow.flush();
    },
    changed: () => flow.changed(),
    async stop() {
      await flow.stop();
      await dispatcher.stop();
    },
  };
}

function rowOf(alert: Alert, { fate, risk }: Admission): AlertRow {
  const detail = isCanaryAlert(alert) ? CANARY_DETAIL : '';
  return {
    alert,
    fate: FATES[fate.kind],
    fate_detail: fate.kind === 'inhibited' ? fate.rule : fate.kind === 'silenced' ? fate.silence : detail,
    risk_score: risk.score,
    risk_accumulated: risk.accumulated,
    groups: fate.kind === 'grouped' ? fate.groups.map(({ group }) => group) : [],
  };
}
