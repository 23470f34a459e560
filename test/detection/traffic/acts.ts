import type { Draw } from './draw.ts';
import type { Fields, Stage } from './event.ts';
import type { Tenant } from './world.ts';

/** One act through the API, as the middleware and the handler leave it. */
export function act(stage: Stage, time_s: number, actor: Fields, origin: Fields, fields: Fields): void {
  const action = String(fields['action'] ?? '');
  const type = action.slice(0, Math.max(0, action.lastIndexOf('.')));
  stage.emit(time_s, {
    actor,
    origin,
    act: {
      resource_type: type,
      resource_id: '',
      outcome: 'SUCCESS',
      reason: null,
      http_method: 'GET',
      http_route: `/${type}s/:id`,
      http_status: 200,
      producer: 'web-api',
      delivery: 'ROUTINE',
      ...fields,
    },
  });
}

export const DENIED: Fields = { outcome: 'DENIED', reason: 'not_permitted', http_status: 403 };
export const MISSING: Fields = { outcome: 'FAILURE', reason: 'not_found', http_status: 404 };
const BROKEN: Fields = { outcome: 'ERROR', reason: 'upstream_unavailable', http_status: 502 };

const WORK: readonly (readonly [verb: string, share: number, method: string])[] = [
  ['read', 0.56, 'GET'],
  ['list', 0.24, 'GET'],
  ['update', 0.11, 'PATCH'],
  ['create', 0.065, 'POST'],
  ['delete', 0.012, 'DELETE'],
  ['export', 0.007, 'POST'],
  ['download', 0.006, 'GET'],
];

/** What a person is about: objects that they come back to. */
export interface Desk {
  readonly tenant: Tenant;
  readonly objects: readonly string[];
}

export const deskOf = (draw: Draw, tenant: Tenant): Desk => ({
  tenant,
  objects: Array.from({ length: 40 }, () => objectId(draw)),
});
export const objectId = (draw: Draw): string => `o${draw.int(1, 400_000)}`;

/** One thing that a person does, with what follows from it. @returns seconds that it took */
export function work(stage: Stage, draw: Draw, time_s: number, actor: Fields, origin: Fields, { tenant, objects }: Desk): number {
  const resource = draw.pick(tenant.resources);
  let roll = draw.next();
  const [verb, , method] = WORK.find(([, share]) => (roll -= share) < 0) ?? (WORK[0] as (typeof WORK)[number]);
  const id = verb === 'list' ? '' : draw.chance(0.7) ? draw.pick(objects) : objectId(draw);
  const fields = { action: `${resource}.${verb}`, resource_id: id, http_method: method, trace_id: draw.hex(32) };
  if (draw.chance(0.002)) {
    // A gateway that is busy; the client tries again, up to three times.
    for (let i = 0; i < draw.int(1, 3); i++) act(stage, time_s + i * 2, actor, origin, { ...fields, ...BROKEN });
  }
  act(stage, time_s + 0.2, actor, origin, { ...fields, ...(verb !== 'list' && draw.chance(0.008) ? MISSING : {}) });
  if (draw.chance(0.1)) passedOn(stage, draw, time_s + 0.1, actor, fields);
  if (verb === 'list' && tenant.prefetches && draw.chance(0.3)) {
    const rows = draw.pick([10, 20, 25, 25, 50]);
    for (let i = 0; i < rows; i++)
      act(stage, time_s + 0.4 + i * 0.02, actor, origin, {
        action: `${resource}.read`,
        resource_id: objectId(draw),
        trace_id: draw.hex(32),
      });
    return draw.exponential(25) + 5;
  }
  return draw.exponential(40) + 1;
}

/** Services call other services with the caller's token: an inside address and the agent of a library. */
function passedOn(stage: Stage, draw: Draw, time_s: number, actor: Fields, fields: Fields): void {
  const inside: Fields = { source_ip: `10.${draw.int(0, 3)}.${draw.int(0, 20)}.${draw.int(2, 250)}`, user_agent: 'axios/1.7.9' };
  act(stage, time_s, actor, inside, { ...fields, producer: 'orders-api' });
}

/** A page opens a list of which some, or all, rows are closed to its reader. */
export function openClosedList(stage: Stage, draw: Draw, time_s: number, actor: Fields, origin: Fields, { tenant }: Desk): void {
  const action = `${draw.pick(tenant.resources)}.read`;
  const rows = draw.pick([10, 20, 25, 50]);
  const closed = draw.chance(0.3) ? 1 : draw.between(0.1, 0.6);
  for (let i = 0; i < rows; i++)
    act(stage, time_s + i * 0.03, actor, origin, { action, resource_id: objectId(draw), ...(draw.chance(closed) ? DENIED : {}) });
}

/** Somebody tidies up: marks whole pages and deletes them. */
export function tidyUp(stage: Stage, draw: Draw, time_s: number, actor: Fields, origin: Fields, { tenant }: Desk): void {
  const action = `${draw.pick(tenant.resources)}.delete`;
  const pages = 1 + Math.floor(draw.exponential(1.2));
  const rows = draw.pick([10, 20, 25, 50, 50]);
  for (let page = 0; page < pages; page++)
    for (let i = 0; i < rows; i++)
      act(stage, time_s + page * draw.between(30, 90) + i * 0.05, actor, origin, {
        action,
        resource_id: objectId(draw),
        http_method: 'DELETE',
      });
}

/** The books are closed: report after report is exported by somebody who may. @returns seconds that it took */
export function closeBooks(stage: Stage, draw: Draw, time_s: number, actorAt: (time_s: number) => Fields, origin: Fields): number {
  const reports = draw.int(15, 80);
  const pace_s = draw.between(18, 45);
  let at = time_s;
  for (let i = 0; i < reports; i++) {
    act(stage, at, actorAt(at), origin, { action: 'report.export', resource_id: `month-${i}`, http_method: 'POST', severity: 'MEDIUM' });
    at += draw.exponential(pace_s) + 2;
  }
  return at - time_s;
}
