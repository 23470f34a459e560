import type { Draw } from '../draw.ts';
import type { Fields, Stage, TrafficEvent } from '../event.ts';
import { browserAgent, FAR_COUNTRIES, type Person, publicAddress, type Tenant } from '../world.ts';

/** Where an attack takes place: one tenant on one day, with all that its people do on it. */
export interface Scene {
  readonly draw: Draw;
  readonly stage: Stage;
  readonly tenant: Tenant;
  readonly tenants: readonly Tenant[];
  /** When it begins, in seconds since 1970; some time of the day. */
  readonly start_s: number;
  /** The benign events of tenant and day, in order. */
  readonly day: readonly TrafficEvent[];
}

/** Plays one attack. Knows no threshold of any rule: how fast and how much is drawn from what such attacks look like. */
export type Attack = (scene: Scene) => void;

/** Somebody's machine somewhere. */
export function attacker(
  draw: Draw,
  agent = draw.chance(0.5)
    ? browserAgent(draw)
    : draw.pick(['python-requests/2.32.3', 'Go-http-client/1.1', 'okhttp/4.12.0', 'curl/8.5.0']),
): Fields {
  return { source_ip: publicAddress(draw), 'attributes.source_country': draw.pick(FAR_COUNTRIES), user_agent: agent };
}

/** Somebody inside: an ordinary desk. */
export const insider = (person: Person): Fields => ({ ...person.home, user_agent: person.agent });

export const victim = ({ draw, tenant }: Scene): Person => draw.pick(tenant.people);

/** Calls `each` for a number of times with a pause in between, each drawn around a pace. @returns when it ended */
export function paced(draw: Draw, start_s: number, times: number, pace_s: number, each: (at_s: number, i: number) => void): number {
  let at = start_s;
  for (let i = 0; i < times; i++) {
    each(at, i);
    at += pace_s * draw.between(0.6, 1.4);
  }
  return at;
}

/** A moment at which somebody uses a token on a public network, with minutes left before it expires. */
export function liveToken({ draw, day }: Scene): TrafficEvent | null {
  for (let tries = 0; tries < 400 && day.length > 0; tries++) {
    const event = draw.pick(day);
    const expires_ms = event.actor['token_expires_at'];
    const address = String(event.origin['source_ip'] ?? '10.');
    const left_s = typeof expires_ms === 'number' ? expires_ms / 1_000 - event.time_us / 1e6 : 0;
    if (event.actor['token_status'] === 'VERIFIED' && event.actor['actor_type'] === 'USER' && !address.startsWith('10.') && left_s > 300)
      return event;
  }
  return null;
}
