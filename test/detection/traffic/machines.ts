import { act, MISSING, objectId } from './acts.ts';
import type { Day } from './calendar.ts';
import type { Draw } from './draw.ts';
import type { Fields, Stage, TrafficEvent } from './event.ts';
import { personToken, refuse, refusedToken, serviceToken } from './tokens.ts';
import { publicAddress, type Tenant } from './world.ts';

const HOUR_S = 3_600;

/** What services leave in the log on one day: syncs, nightly exports, a renderer that is a browser. */
export function machinesDay(stage: Stage, draw: Draw, tenant: Tenant, size: number): void {
  for (const service of tenant.services) {
    const render = service.includes('render');
    const origin: Fields = {
      source_ip: `10.${draw.int(0, 3)}.${draw.int(0, 30)}.${draw.int(2, 250)}`,
      user_agent: render
        ? 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36'
        : draw.pick(['python-requests/2.32.3', 'okhttp/5.0', 'Go-http-client/2.0', 'curl/8.5.0']),
    };
    for (let hour = 0; hour < 24; hour++) {
      const at = stage.midnight_s + hour * HOUR_S + draw.between(0, 120);
      const token = serviceToken(draw, tenant, service, at);
      const objects = Math.round(draw.logBetween(3, 40) * size);
      for (let i = 0; i < objects; i++)
        act(stage, at + i * draw.between(0.1, 1), token, origin, {
          action: `${draw.pick(tenant.resources)}.${draw.pick(['read', 'read', 'list', 'update'])}`,
          resource_id: objectId(draw),
          ...(draw.chance(0.01) ? MISSING : {}),
        });
    }
    const night = stage.midnight_s + draw.between(1, 3) * HOUR_S;
    const token = serviceToken(draw, tenant, service, night);
    const exported = Math.round(draw.int(100, 600) * size);
    for (let i = 0; i < exported; i++)
      act(stage, night + i * 0.8, token, origin, { action: 'report.export', resource_id: `r${i}`, http_method: 'POST' });
    const synced = draw.chance(0.03) ? draw.int(60, 200) : 0;
    // A sync after a clean-up: hundreds of objects are gone.
    for (let i = 0; i < synced; i++)
      act(stage, night + 1_200 + i * 0.2, token, origin, { action: 'document.read', resource_id: objectId(draw), ...MISSING });
  }
}

/** What goes wrong without anybody meaning harm. `events` is the day so far: rotations and outages hit what happens at their time. */
export function mishaps(stage: Stage, draw: Draw, tenant: Tenant, day: Day, events: readonly TrafficEvent[]): void {
  const bad = (at: number, reason: string, origin: Fields, changes: Fields = {}, person = draw.pick(tenant.people)): void =>
    refuse(stage, at, refusedToken(personToken(draw, tenant, person, at - 100), changes), origin, reason, '/', draw.hex(32));

  // Clients that send "Bearer undefined".
  for (let i = draw.int(0, Math.ceil(tenant.people.length / 20)); i > 0; i--) {
    const person = draw.pick(tenant.people);
    const at = stage.midnight_s + draw.between(6, 18) * HOUR_S;
    for (let n = draw.int(1, 15); n > 0; n--)
      bad(
        at + n * 3,
        'token_malformed',
        { ...person.home, user_agent: person.agent },
        { actor_id: '', token_id_hash: null, token_algorithm: null },
      );
  }
  // The issuer's key is rotated: until the services have fetched the new one, nobody's token has a key.
  if (day.index % 7 === 2)
    refusedWindow(stage, draw, events, stage.midnight_s + draw.between(8, 15) * HOUR_S, draw.between(15, 45), 'key_not_found', {});
  // Once the issuer moves to another algorithm before the services know.
  if (day.index === 10)
    refusedWindow(stage, draw, events, stage.midnight_s + 9.5 * HOUR_S, 180, 'algorithm_not_allowed', { token_algorithm: 'ES256' });
  // A deployment with the wrong audience in its configuration.
  if (draw.chance(0.08)) {
    const origin: Fields = { source_ip: `10.0.${draw.int(0, 9)}.9`, user_agent: 'Go-http-client/2.0' };
    const at = stage.midnight_s + draw.between(8, 17) * HOUR_S;
    for (let i = draw.int(20, 200); i > 0; i--) bad(at + i, 'wrong_audience', origin);
  }
  // A developer points a page of the test environment at production: one load is a dozen requests with one token.
  if (draw.chance(tenant.services.length > 8 ? 0.3 : 0.03)) {
    const at = stage.midnight_s + draw.between(8, 17) * HOUR_S;
    const person = draw.pick(tenant.people);
    const token = { token_id_hash: draw.hex(64), actor_issuer: `https://login.test.${tenant.name}.example` };
    const reason = draw.chance(0.8) ? 'unknown_issuer' : 'signature_invalid';
    const origin: Fields = { source_ip: draw.chance(0.5) ? person.office.origin_ip : publicAddress(draw), user_agent: person.agent };
    for (let load = draw.int(1, 3); load > 0; load--)
      for (let i = draw.int(4, 14); i > 0; i--) bad(at + load * 20 + i * 0.1, reason, origin, token, person);
  }
}

/** For a while every request with a token is refused, and tried again. */
function refusedWindow(
  stage: Stage,
  draw: Draw,
  events: readonly TrafficEvent[],
  from_s: number,
  seconds: number,
  reason: string,
  changes: Fields,
): void {
  for (const event of events) {
    const at = event.time_us / 1e6;
    if (at < from_s || at > from_s + seconds || event.actor['token_status'] !== 'VERIFIED') continue;
    for (let i = 0; i < 3; i++) refuse(stage, at + i * 2, refusedToken(event.actor, changes), event.origin, reason, '/', draw.hex(32));
  }
}
